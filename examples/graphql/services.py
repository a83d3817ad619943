"""Two small REST services in memory, customers and orders, to have something behind the resolvers.

Usage: python3 services.py [PORT]      (default port 8090; 0 takes a free one)
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CUSTOMERS = [
    {"id": 7, "name": "Ann", "creditLimit": 500},
    {"id": 8, "name": "Bob", "creditLimit": 200},
]
ORDERS = [
    {"no": 1, "customer": "7", "sku": "book", "count": 1, "status": "sent"},
    {"no": 2, "customer": "7", "sku": "pen", "count": 3, "status": "open"},
    {"no": 3, "customer": "8", "sku": "ink", "count": 1, "status": "open"},
]


class Services(BaseHTTPRequestHandler):
    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/v1/customers":
            return self.answer(200, CUSTOMERS)
        if url.path.startswith("/v1/customers/"):
            found = [c for c in CUSTOMERS if str(c["id"]) == url.path.rpartition("/")[2]]
            return self.answer(200, found[0]) if found else self.answer(404, {"message": "No such customer"})
        if url.path == "/orders":
            of = query.get("customer", [""])[0]
            first = int(query.get("limit", ["10"])[0])
            return self.answer(200, {"items": [o for o in ORDERS if o["customer"] == of][:first]})
        return self.answer(404, {"message": "Not found"})

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        if self.path != "/orders":
            return self.answer(404, {"message": "Not found"})
        order = {"no": len(ORDERS) + 1, **order, "status": "open"}
        ORDERS.append(order)
        return self.answer(201, order)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8090), Services)
print(f"customers and orders: http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
