import os
import re
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tpm.settings")
handler = get_wsgi_application()

# Whatever comes in is UTF-8. A claim to the contrary is dropped before Django would look it up among all of Python's
# codecs, of which some ("rot13", "zlib") read no text and crash the request before any middleware.
CHARSET = re.compile(r";\s*charset\s*\*?\s*=[^;]*", re.IGNORECASE)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if "CONTENT_TYPE" in environ:
        environ["CONTENT_TYPE"] = CHARSET.sub("", environ["CONTENT_TYPE"])
    return handler(environ, start_response)
