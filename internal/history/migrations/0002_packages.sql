-- An RPM stands once, however many builds have it.
CREATE TABLE packages (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,
  epoch   TEXT NOT NULL,
  version TEXT NOT NULL,
  release TEXT NOT NULL,
  arch    TEXT NOT NULL,
  size    INTEGER NOT NULL, -- installed bytes
  UNIQUE (name, epoch, version, release, arch, size)
) STRICT;

CREATE TABLE build_packages (
  build   TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  kind    INTEGER NOT NULL, -- 0: the Lock's, 1: what the image holds at the end
  package INTEGER NOT NULL REFERENCES packages (id),
  PRIMARY KEY (build, kind, package)
) STRICT, WITHOUT ROWID;
