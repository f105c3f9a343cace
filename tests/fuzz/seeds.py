"""Writes what identity providers send, from tests/data/idp, as seeds for each target: seeds.py DIRECTORY"""

import hashlib
import json
import pathlib
import sys
import urllib.parse

out = pathlib.Path(sys.argv[1])


def seed(target, text):
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(text.encode()).hexdigest()).write_text(text)


for file in sorted(pathlib.Path(__file__).parents[1].joinpath("data/idp").glob("*/*.json")):
    steps = json.loads(file.read_text())
    # The whole conversation as one bulk request: what a step saves under a name is its `bulkId`.
    operations = []
    for step in steps:
        request, body = step["request"], step["request"].get("body")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request["path"]).query)
        for text in query.get("filter", []):
            seed("filter", text)
        for text in query.get("attributes", []) + query.get("excludedAttributes", []):
            seed("path", text)
        if not isinstance(body, dict):
            continue
        seed("body", json.dumps(body))
        operation = {"method": request["method"], "path": request["path"], "data": body}
        operations.append(operation | {"bulkId": name for name in step.get("save", {})})
        for operation in body.get("Operations", []):
            seed("patch", json.dumps(body))
            if "path" in operation:
                seed("path", operation["path"])
    request = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    seed("bulk", json.dumps(request).replace("{{", "bulkId:").replace("}}", ""))
