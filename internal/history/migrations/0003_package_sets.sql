-- Most builds have the packages of the build before: a set of packages stands once, as a JSON list of their ids in order.
CREATE TABLE package_sets (
  id      INTEGER PRIMARY KEY,
  members TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE build_sets (
  build       TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  kind        INTEGER NOT NULL, -- 0: the Lock's, 1: what the image holds at the end
  package_set INTEGER NOT NULL REFERENCES package_sets (id),
  PRIMARY KEY (build, kind)
) STRICT, WITHOUT ROWID;

INSERT INTO package_sets (members)
  SELECT DISTINCT json_group_array(package ORDER BY package) FROM build_packages GROUP BY build, kind;
INSERT INTO build_sets (build, kind, package_set)
  SELECT b.build, b.kind, s.id
  FROM (SELECT build, kind, json_group_array(package ORDER BY package) AS members FROM build_packages GROUP BY build, kind) b
  JOIN package_sets s ON s.members = b.members;
DROP TABLE build_packages;
