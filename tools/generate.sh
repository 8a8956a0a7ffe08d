#!/bin/sh
# Writes generated/ from protos/: messages, their types, gRPC stubs of the services, and the methods of our
# own client. protoc's import paths are our package names, so nothing is rewritten.
# With --check it writes nothing, and exits 1 if generated/ is not what it would write.
set -eu
cd "$(dirname "$0")/.."
bin=${PYTHON_BIN:-.venv/bin}
protos=$(find protos -name '*.proto' | LC_ALL=C sort)
services=$(find protos -name '*_service.proto' | LC_ALL=C sort)
# Made elsewhere and then moved: what fails halfway leaves generated/ as it was.
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
out=$made/generated
printf '#!/bin/sh\nexec "%s/python" -m foldlog_generator.plugin\n' "$bin" > "$made/plugin"
chmod +x "$made/plugin"
mkdir "$out"
# shellcheck disable=SC2086
PATH="$bin:$PATH" "$bin/python" -m grpc_tools.protoc -Iprotos \
    --python_out="$out" --mypy_out="quiet:$out" $protos
# shellcheck disable=SC2086
PATH="$bin:$PATH" "$bin/python" -m grpc_tools.protoc -Iprotos \
    --grpc_python_out="$out" --mypy_grpc_out="quiet:$out" $services
find "$out" -type d -path "$out/*" -exec touch {}/__init__.py \;
touch "$out/foldlog/py.typed"
# shellcheck disable=SC2086
PATH="$bin:$PATH" PYTHONPATH="$out:generator" PYTHONDONTWRITEBYTECODE=1 "$bin/python" -m grpc_tools.protoc -Iprotos \
    --plugin=protoc-gen-foldlog_client="$made/plugin" --foldlog_client_out="$out" $protos
if [ "${1:-}" = --check ]; then
    diff -rq -x __pycache__ generated "$out" >&2 || {
        echo "generated/ is not what protos/ say: run make generate, and commit it with the protos." >&2
        exit 1
    }
else
    rm -rf generated
    mv "$out" generated
fi
