"""What we ship, built as we ship it, and used as a user does: `./run wheel-test`.

Minutes long, so it is no part of `./run test`.
"""
