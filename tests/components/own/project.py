"""A folder with a good dr.yaml of own stacks and their templates, and the errors that an edit leads to."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from builder.assembly import Assembly
from builder.assembly.render import make_assembly
from builder.config import load_config
from builder.errors import BuilderError, Several

HERE = Path(__file__).parent
GOOD = (HERE / "good.yaml").read_text()
_BROKEN_PYTHON = {
    "raises": "def template(context):\n    return {'Resources': 1 / 0}\n",
    "nothing": "x = 1\n",
    "list": "def template(context):\n    return []\n",
    "syntax": "def template(context)\n    return {}\n",
    "network": "import urllib.request\n\n\ndef template(context):\n    urllib.request.urlopen('http://127.0.0.1:1')\n",
    "leaves": "import os\n\n\ndef template(context):\n    os._exit(3)\n",
}
_POLICIES = {
    "policy": """{
  "Statement": [
    {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": "Update:Replace", "Principal": "*", "Resource": "LogicalResourceId/Topic"}
  ]
}
""",
    "no-list": '{"Statement": {"Effect": "Allow"}}',
    "no-json": '{\n  "Statement": [\n    {"Effect": "Allow",}\n  ]\n}\n',
    "of-iam": '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Principal": "*", "Resource": "*"}]}',
}


@dataclass(frozen=True, slots=True)
class OwnProject:
    """The folder, which is the working directory too, so that places read `dr.yaml:4`."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "OwnProject":
        """Copy the templates into a folder."""
        shutil.copytree(HERE / "cfn", folder / "cfn")
        for name, text in _BROKEN_PYTHON.items():
            (folder / "cfn" / f"{name}.py").write_text(text)
        for name, text in _POLICIES.items():
            (folder / "cfn" / f"{name}.json").write_text(text)
        (folder / "cfn.yaml").mkdir()
        return cls(folder)

    def assembly(self, text: str = GOOD) -> Assembly:
        """Return what a dr.yaml leads to."""
        (self.folder / "dr.yaml").write_text(text)
        return make_assembly(load_config(self.folder / "dr.yaml"))

    def errors(self, text: str) -> list[str]:
        """Return every error, less the name of the file; none if there is none."""
        (self.folder / "dr.yaml").write_text(text)
        try:
            make_assembly(load_config(Path("dr.yaml")))
        except Several as several:
            return [str(error).removeprefix("dr.yaml:") for error in several.errors]
        except BuilderError as error:
            return [str(error).removeprefix("dr.yaml:")]
        return []
