"""A Salesforce org on one machine: the REST protocol the portal's sync speaks, over a SQLite file.

Run it with `python -m sandbox.salesforce --port 8443`; `--help` says the rest. It imitates what Salesforce
does to a client (ids, error codes, paging, rollbacks), not what Salesforce does for its users: no sharing, no Apex.
"""
