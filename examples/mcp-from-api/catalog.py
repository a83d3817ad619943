"""The product catalog: a small REST API in memory, to have something behind the gateway.

Usage: CATALOG_KEY=... python3 catalog.py [PORT]      (default port 8090; 0 takes a free one)
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

PRODUCTS = {
    "desk-lamp": {"name": "Desk lamp", "price": 39.0, "inStock": 4, "cost": 11.0},
    "floor-lamp": {"name": "Floor lamp", "price": 89.5, "inStock": 0, "cost": 30.0},
    "oak-desk": {"name": "Oak desk", "price": 420.0, "inStock": 2, "cost": 190.0},
    "office-chair": {"name": "Office chair", "price": 199.0, "inStock": 7, "cost": 80.0},
}


class Catalog(BaseHTTPRequestHandler):
    def answer(self, status, body=None):
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if content:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle_call(self):
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if self.headers.get("X-Catalog-Key") != os.environ["CATALOG_KEY"]:
            return self.answer(401, {"message": "X-Catalog-Key is wrong"})
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        if parts == ["products"] and self.command == "GET":
            return self.search(parse_qs(url.query))
        if len(parts) < 2 or parts[1] not in PRODUCTS:
            return self.answer(404, {"message": "There is no such product. Search for one first."})
        product = {"id": parts[1], **PRODUCTS[parts[1]]}
        if len(parts) == 2 and self.command == "GET":
            return self.answer(200, product)
        if len(parts) == 2 and self.command == "DELETE":
            del PRODUCTS[parts[1]]
            return self.answer(204)
        if parts[2:] == ["orders"] and self.command == "POST":
            order = json.loads(content)
            if order["quantity"] > product["inStock"]:
                return self.answer(409, {"message": f"Only {product['inStock']} are in stock."})
            PRODUCTS[parts[1]]["inStock"] -= order["quantity"]
            total = order["quantity"] * product["price"]
            return self.answer(201, {"order": "o-1", "product": product["id"], "quantity": order["quantity"], "total": total})
        return self.answer(405, {"message": "Method not allowed"})

    do_GET = do_POST = do_DELETE = handle_call

    def search(self, query):
        words = [word.lower() for word in query.get("words", [])]
        most = float(query.get("maxPrice", ["inf"])[0])
        found = [
            {"id": key, "name": product["name"], "price": product["price"]}
            for key, product in PRODUCTS.items()
            if product["price"] <= most and all(word in product["name"].lower() for word in words)
        ]
        found.sort(key=lambda product: product["price"])
        self.answer(200, found[: int(query.get("limit", ["5"])[0])])

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8090), Catalog)
    print(f"serving http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
