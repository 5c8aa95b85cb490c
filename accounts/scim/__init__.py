"""SCIM 2.0 (RFC 7643, RFC 7644): a company's directory keeps its people and their roles in the portal."""
