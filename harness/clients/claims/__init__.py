"""
What articles on calling DeepSeek claim, each claim confirmed or refuted by a replay; and the pages that tell of it.

The claims stand in ``claims.yaml`` with what tests them.  No verdict stands anywhere: client code is run on the answers
that a claim names, or their chunks are looked at, and the claim is borne out where all are as it expects.  ``model`` is
what a claim and its verdict are, ``wire_forms`` what the chunks are looked at for, ``run`` tries the claims, ``page``
writes the pages.

``python -m harness.clients.claims`` writes ``docs/claims.md`` and ``docs/claims.zh-CN.md``; what can't be tried, for want
of an environment, stays there as it stands.
"""
