"""placeholder"""

from sandbox.salesforce.messages import Request, Response, page
from sandbox.salesforce.org import Org


def serve(org: Org, request: Request) -> Response:
    return page("<h1>Org</h1>")
