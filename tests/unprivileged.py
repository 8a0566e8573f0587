"""Commands that run without root's rights, which a CI machine may have: root reads and writes every file."""

import os

WITHOUT_RIGHTS = ("/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all", "--") if os.getuid() == 0 else ()
