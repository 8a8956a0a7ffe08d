"""A protoc plugin: writes the typed clients of a package, async and sync, and the reasons of its errors.

Comments of the protos become docstrings of the methods. The same protos give the same bytes.
"""

import sys

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse

from foldlog_generator.client_arguments import Unsupported
from foldlog_generator.client_modules import modules_of


def generate(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Return every generated file of the client, or the error that prevents it."""
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    try:
        contents = modules_of(request)
    except Unsupported as problem:
        return CodeGeneratorResponse(error=str(problem))
    for name, content in sorted(contents.items()):
        response.file.add(name=name, content=content)
    return response


def main() -> None:
    """Read protoc's request from stdin, and write the response to stdout."""
    response = generate(CodeGeneratorRequest.FromString(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(response.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
