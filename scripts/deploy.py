"""The deployer for a pipeline that has an assembly, this package and boto3, and neither dr.yaml nor troposphere.

    python scripts/deploy.py plan --env prod -o plan.json
    python scripts/deploy.py execute plan.json --env prod

The same verbs and options as `python -m builder`; the assembly is templates/ where --assembly names no other. A plan is
executed only beside the assembly that it was made from, and in the environment that it was made for.
"""

import sys

from builder.cli.main import main

if __name__ == "__main__":
    given = sys.argv[1:]
    named = any(argument == "--assembly" or argument.startswith("--assembly=") for argument in given)
    sys.exit(main(given if named or not given else ["--assembly", "templates", *given]))
