"""A protoc plugin: writes the typed client of a package, for asyncio and for threads, and the reasons
of its errors.

What the protos say in comments, the methods say in docstrings. The same protos give the same bytes.
"""

import sys

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse

from foldlog_generator.client_arguments import Unsupported
from foldlog_generator.client_modules import modules_of


def generate(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Every file of the client's generated part, or what stands in the way."""
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    try:
        contents = modules_of(request)
    except Unsupported as problem:
        return CodeGeneratorResponse(error=str(problem))
    for name, content in sorted(contents.items()):
        response.file.add(name=name, content=content)
    return response


def main() -> None:
    """Answer protoc's request on stdin on stdout."""
    response = generate(CodeGeneratorRequest.FromString(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(response.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
