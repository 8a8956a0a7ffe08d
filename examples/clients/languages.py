"""The languages: what each needs, and how its program is built and run."""

from dataclasses import dataclass
from pathlib import Path

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """Commands run in the program's own directory, with the tools of the project's environment (buf)
    at hand."""

    name: str
    """Also the name of the directory."""
    tools: Command
    """Commands that must be there."""
    fetch: tuple[Command, ...]
    """Gets what the program builds on from the language's registry; where that fails, it is skipped."""
    build: tuple[Command, ...]
    """Generates from the protos, and builds; where that fails, the program is at fault."""
    run: Command
    """Given the address and the number of orders as well. One process, so that it can be ended by its id."""

    @property
    def directory(self) -> Path:
        """Where its sources are."""
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
    # Maven fetches as it goes. What cannot be had shows here, as a rule: generating needs nearly all of it.
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
