"""A folder with a good dr.yaml and its handler, and the errors that an edit leads to."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from builder.config import LoadedConfig, load_config
from builder.errors import BuilderError, Several

HERE = Path(__file__).parent
GOOD = (HERE / "good.yaml").read_text()
TODAY = date(2026, 11, 22)


@dataclass(frozen=True, slots=True)
class Project:
    """The folder, which is the working directory too, so that places read `dr.yaml:4`."""

    folder: Path

    def write(self, text: str | bytes) -> None:
        """Make this dr.yaml."""
        raw = text if isinstance(text, bytes) else text.encode()
        (self.folder / "dr.yaml").write_bytes(raw)

    def edit(self, old: str, new: str) -> None:
        """Make the good dr.yaml with one edit."""
        assert old in GOOD
        self.write(GOOD.replace(old, new, 1))

    def handler(self, source: str | bytes, file: str = "lambda/python/index.py") -> None:
        """Make this handler."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source if isinstance(source, bytes) else source.encode())

    def read(self, today: date = TODAY) -> LoadedConfig:
        """Return what the file asks for."""
        return load_config(Path("dr.yaml"), today)

    def errors(self, today: date = TODAY) -> list[str]:
        """Return every error, less the name of the file; none if there is none."""
        try:
            self.read(today)
        except Several as several:
            return [str(error).removeprefix("dr.yaml:") for error in several.errors]
        except BuilderError as error:
            return [str(error).removeprefix("dr.yaml:")]
        return []
