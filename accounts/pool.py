"""What the connection pool does to a connection before the next request gets it."""

from psycopg import Connection


def reset_connection(connection: "Connection[object]") -> None:
    """Forget every session setting, so that no role or account of one request reaches the next.

    Django's own setting of the session, the time zone, is a start-up option of the connection: RESET ALL returns to it.
    """
    connection.execute("RESET ROLE")  # RESET ALL leaves the role as it is.
    connection.execute("RESET ALL")
    connection.commit()
