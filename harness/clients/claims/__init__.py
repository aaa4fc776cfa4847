"""
Tests what articles on calling DeepSeek claim: each claim is confirmed or refuted by a replay, and shown on a page.

The claims are in ``claims.yaml`` with their tests.  Verdicts are never written by hand: client code is run on the
responses that a claim names, or their chunks are inspected, and the claim is confirmed if all are as expected.
``model`` defines a claim and its verdict, ``wire_forms`` inspects chunks, ``run`` tests the claims, ``page`` writes
the pages.

``python -m harness.clients.claims`` writes ``docs/claims.md`` and ``docs/claims.zh-CN.md``; claims whose
environment is not installed stay unchanged.
"""
