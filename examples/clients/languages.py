"""Lists the languages: what each needs, and how its program is built and run."""

from dataclasses import dataclass
from pathlib import Path

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """Commands run in the program's own directory, with the tools of the project's environment (buf) in the
    PATH."""

    name: str
    """Also the name of the directory."""
    tools: Command
    """Commands that must be installed."""
    fetch: tuple[Command, ...]
    """Fetches the program's dependencies from the language's registry; if that fails, the language is
    skipped."""
    build: tuple[Command, ...]
    """Generates code from the protos, and builds; if that fails, the program is wrong."""
    run: Command
    """Gets the address and the number of orders too. One process, so that it can be ended by its id."""

    @property
    def directory(self) -> Path:
        """The directory of its sources."""
        return Path(__file__).parent / self.name


GO = Language(
    name="go",
    tools=("go",),
    fetch=(("go", "mod", "download"),),
    build=(("buf", "generate"), ("go", "vet", "."), ("go", "build", "-o", "build/orders", ".")),
    run=("build/orders",),
)

NODE = Language(
    name="node",
    tools=("node", "npm"),
    fetch=(("npm", "ci"),),
    build=(("python", "../../../tools/third_party.py", "../../../third_party"), ("npm", "run", "build")),
    run=("node", "dist/main.js"),
)

JAVA = Language(
    name="java",
    tools=("java", "mvn"),
    # Maven fetches during the build. What cannot be fetched usually shows here: generating needs nearly
    # all of it.
    fetch=(("mvn", "-q", "-B", "generate-sources"),),
    build=(("mvn", "-q", "-B", "package"),),
    run=("java", "-jar", "target/foldlog-example.jar"),
)

RUST = Language(
    name="rust",
    tools=("cargo",),
    fetch=(("cargo", "fetch", "--quiet"),),
    build=(("cargo", "build", "--quiet", "--offline"),),
    run=("target/debug/foldlog-example",),
)

LANGUAGES = {language.name: language for language in (GO, NODE, JAVA, RUST)}
