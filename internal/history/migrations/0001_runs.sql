-- Times are milliseconds since 1970 in UTC. A finished time of 0 is "not yet".
CREATE TABLE runs (
  id       TEXT PRIMARY KEY,
  command  TEXT NOT NULL,          -- JSON list of words
  version  TEXT NOT NULL,          -- of Quarry
  pid      INTEGER NOT NULL,
  born     INTEGER NOT NULL,       -- the process's start, in ticks since the host's boot
  boot     TEXT NOT NULL,          -- the host's boot
  pidns    TEXT NOT NULL,          -- the namespace that pid is meant in
  state    TEXT NOT NULL,
  error    TEXT NOT NULL DEFAULT '',
  started  INTEGER NOT NULL,
  finished INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_started ON runs (started);
CREATE INDEX runs_state ON runs (state);

CREATE TABLE builds (
  id        TEXT PRIMARY KEY,
  run       TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  distro    TEXT NOT NULL,
  release   TEXT NOT NULL,
  image     TEXT NOT NULL,
  variant   TEXT NOT NULL,
  arch      TEXT NOT NULL,
  version   TEXT NOT NULL DEFAULT '', -- the release in full, such as 9.6
  source    TEXT NOT NULL DEFAULT '', -- of the kickstart
  branch    TEXT NOT NULL DEFAULT '',
  revision  TEXT NOT NULL DEFAULT '', -- the kickstart's commit
  path      TEXT NOT NULL DEFAULT '',
  kickstart TEXT NOT NULL DEFAULT '', -- digest of the flattened text
  plan      TEXT NOT NULL DEFAULT '', -- digests
  lock      TEXT NOT NULL DEFAULT '',
  treeinfo  TEXT NOT NULL DEFAULT '',
  inputs    TEXT NOT NULL DEFAULT '',
  accel     TEXT NOT NULL DEFAULT '',
  logs      TEXT NOT NULL DEFAULT '', -- folder
  state     TEXT NOT NULL,
  error     TEXT NOT NULL DEFAULT '',
  started   INTEGER NOT NULL,
  finished  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX builds_run ON builds (run);
CREATE INDEX builds_image ON builds (image, arch, started);
CREATE INDEX builds_started ON builds (started);

CREATE TABLE steps (
  build    TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  number   INTEGER NOT NULL, -- from 1, in the order of their ends
  name     TEXT NOT NULL,
  state    TEXT NOT NULL,
  seconds  REAL NOT NULL,
  dir      TEXT NOT NULL,    -- folder of the result, empty where there is none
  finished INTEGER NOT NULL,
  PRIMARY KEY (build, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
  build     TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  number    INTEGER NOT NULL,
  format    TEXT NOT NULL,
  path      TEXT NOT NULL,
  size      INTEGER NOT NULL,
  digest    TEXT NOT NULL,
  PRIMARY KEY (build, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE publications (
  build  TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  digest TEXT NOT NULL,             -- of the artifact
  path   TEXT NOT NULL,             -- in the published tree
  latest INTEGER NOT NULL,          -- the latest links were moved to it
  PRIMARY KEY (build, digest, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE reports (
  build  TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  digest TEXT NOT NULL,      -- of the image that was booted
  passed INTEGER NOT NULL,
  json   TEXT NOT NULL,
  PRIMARY KEY (build, number)
) STRICT, WITHOUT ROWID;
