"""Serves AdminService: each method calls one of `Admin`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from google.protobuf.descriptor import ServiceDescriptor

from foldlog.v1 import admin_service_pb2 as messages
from foldlog_server.transport.admin import Admin
from foldlog_server.transport.calls import Calls, RpcMethodHandler
from foldlog_server.transport.status import Context


def admin_handlers(service: ServiceDescriptor, calls: Calls, admin: Admin) -> dict[str, RpcMethodHandler]:
    """Return a handler for each method, by name."""
    methods = service.methods_by_name

    async def list_views(_: messages.ListViewsRequest, __: Context) -> bytes:
        return (await admin.list_views()).SerializeToString()

    async def rebuild_view(request: messages.RebuildViewRequest, _: Context) -> bytes:
        return (await admin.rebuild_view(request)).SerializeToString()

    async def list_parked(request: messages.ListParkedRequest, _: Context) -> bytes:
        return (await admin.list_parked(request)).SerializeToString()

    async def retry_parked(request: messages.RetryParkedRequest, _: Context) -> bytes:
        return (await admin.retry_parked(request)).SerializeToString()

    async def get_clock(_: messages.GetClockRequest, __: Context) -> bytes:
        return (await admin.get_clock()).SerializeToString()

    async def get_scrub(_: messages.GetScrubRequest, __: Context) -> bytes:
        return (await admin.get_scrub()).SerializeToString()

    async def backup(_: messages.BackupRequest, __: Context) -> AsyncGenerator[bytes]:
        async with aclosing(admin.backup()) as parts:
            async for part in parts:
                yield part.SerializeToString()

    return {
        "Backup": calls.streamed(methods["Backup"], backup),
        "GetClock": calls.unary(methods["GetClock"], get_clock),
        "GetScrub": calls.unary(methods["GetScrub"], get_scrub),
        "ListViews": calls.unary(methods["ListViews"], list_views),
        "RebuildView": calls.unary(methods["RebuildView"], rebuild_view),
        "ListParked": calls.unary(methods["ListParked"], list_parked),
        "RetryParked": calls.unary(methods["RetryParked"], retry_parked),
    }
