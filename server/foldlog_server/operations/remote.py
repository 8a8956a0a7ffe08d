"""Reads the log of a running server over gRPC, even if its files were removed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from foldlog.v1.admin_service_pb2 import BackupRequest, BackupResponse
from foldlog.v1.admin_service_pb2_grpc import AdminServiceStub
from foldlog_client.channel import channel_options, grpc_target
from foldlog_client.status import decoded
from foldlog_server.log.backup_stream import StreamedLog


@asynccontextmanager
async def log_at(address: str) -> AsyncIterator[StreamedLog]:
    """The log of the server at an address as it is now. Raises the client's `FoldlogError`, and
    `Incomplete`."""
    async with grpc.aio.insecure_channel(grpc_target(address), channel_options(address, ())) as channel:
        call = AdminServiceStub(channel).Backup(BackupRequest())
        try:
            yield await StreamedLog.open(_messages(call))
        finally:
            if call.cancel():
                await call.code()  # a channel that closes over a cancelled reader leaks it (grpc#42125)


async def _messages(
    call: "grpc.aio.UnaryStreamCall[BackupRequest, BackupResponse]",
) -> AsyncIterator[BackupResponse]:
    try:
        async for message in call:
            yield message
    except grpc.aio.AioRpcError as error:
        raise decoded(error) from None
