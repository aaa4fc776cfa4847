"""Client code that follows the advice on errors and transfer."""

import gzip

from remedies import Remedy

from harness.checks import CHECKS
from harness.simulate.reference import BODY, with_body, with_header

FAILED = [
    Remedy(
        "error.status",
        CHECKS["error.status"].bad[3],
        """
import re
result = "give up"
if re.search("overloaded|unavailable|capacity", str(error)):
    result = "try again"
""",
        "try again",
    ),
    Remedy(
        "error.status",
        CHECKS["error.status"].bad[4],
        """
client = client.with_options(max_retries=0)
passing = error.status_code == 429 or error.status_code >= 500
result = passing and "bad request" not in str(error.body).lower()
""",
        right=False,
    ),
    Remedy(
        "error.status",
        CHECKS["error.status"].bad[0],
        """
wrong_key = error.status_code == 401 or "key" in str(error.body)
result = "ask for a key" if wrong_key else "try again" if error.status_code in (429, 500, 503) else "give up"
""",
        "ask for a key",
    ),
    Remedy(
        "error.content-type",
        with_header(
            with_body(
                CHECKS["error.content-type"].bad[0],
                '{"error":{"message":"没有","type":"invalid_request_error","param":null,"code":null}}'.encode(),
            ),
            "content-type",
            "application/json; charset=gb2312",
        ),
        """
import json
result = json.loads(error.response.content.decode())["error"]["message"]
""",
        "没有",
    ),
    Remedy(
        "http.status",
        CHECKS["http.status"].bad[2],
        """
import openai
try:
    client.with_options(max_retries=1).chat.completions.create(**asked)
except openai.InternalServerError:
    result = "left out"
""",
        "left out",
    ),
    Remedy(
        "http.status",
        CHECKS["http.status"].bad[4],
        """
result = "ask again" if error.code == "tool_use_failed" else "give up"
said = error.body.get("failed_generation")
""",
        "ask again",
    ),
    Remedy(
        "http.encoding",
        CHECKS["http.encoding"].bad[1],
        """
import json
client = client.with_options(default_headers={"Accept-Encoding": "identity"})
with client.chat.completions.with_streaming_response.create(**asked) as opened:
    response = opened.http_response
    result = json.loads(b"".join(response.iter_raw()))["choices"][0]["message"]["content"]
""",
        "你好! How can I help?",
    ),
    Remedy(
        "http.encoding-accepted",
        with_body(CHECKS["http.encoding-accepted"].bad[0], gzip.compress(BODY.response.body)),
        """
import gzip, json
with client.chat.completions.with_streaming_response.create(**asked) as opened:
    response = opened.http_response
    raw = b"".join(response.iter_raw())
    plain = gzip.decompress(raw) if response.headers["content-encoding"] == "gzip" else raw
result = json.loads(plain)["choices"][0]["message"]["content"]
""",
        "你好! How can I help?",
    ),
    Remedy(
        "http.retry-after-form",
        CHECKS["http.retry-after-form"].bad[0],
        """
try:
    wait = float(error.response.headers["retry-after"])
except ValueError:
    wait = -1.0
sleep = lambda seconds: seconds
result = sleep(wait if 0 <= wait <= 60 else 2.0)
""",
        2.0,
    ),
    Remedy(
        "sse.no-error",
        CHECKS["sse.no-error"].bad[5],
        """
said = ""
for chunk in stream:
    if chunk.choices is None:
        said = chunk.to_json()
        break
result = "Slow down." in said
""",
        right=True,
    ),
]
