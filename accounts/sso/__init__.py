"""Single sign-on per company: a company's people sign in at the company's own identity provider.

`oidc` and `saml` turn what an identity provider says into an `Answer`, or refuse it; `people` decides whom the answer
signs in and as what; `rules` says who must come this way; `setup` is what the company's administrator sets up.

The protocols stand on PyJWT and python3-saml, and signing in on allauth's own flow. allauth's views for social accounts
are not used: they send no nonce, take an ID token's signature on trust, remember no used assertion, and ask servers of
the outside world in the middle of a database transaction.
"""
