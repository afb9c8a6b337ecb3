from app.lib.models import Order
from app.store import items, files
from app.routes.about import about


def call(method, path, event):
    if path == "/about":
        return 200, about()
    if path == "/health":
        return 200, {"ok": True}
    if method == "PUT":
        order = Order.model_validate_json(event.get("body") or "{}")
        return 200, items.put(order)
    return 200, items.get(path.rpartition("/")[2])
