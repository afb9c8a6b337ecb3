import os, platform
import pydantic, requests

def about():
    return {"pydantic": pydantic.VERSION, "requests": requests.__version__, "python": platform.python_version(),
            "region": os.environ["AWS_REGION"], "table": os.environ.get("ORDERS_TABLE"), "bucket": os.environ.get("UPLOADS_BUCKET")}
