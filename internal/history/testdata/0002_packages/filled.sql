INSERT INTO runs (id, command, version, pid, born, boot, pidns, state, started, finished)
  VALUES ('a0000001', '["quarry","build"]', '1', 1, 1, 'boot', 'pid:[1]', 'done', 1700000000000, 1700000009000);
INSERT INTO builds (id, run, distro, release, image, variant, arch, state, started, finished) VALUES
  ('b0000001', 'a0000001', 'rocky', '9', 'GenericCloud', 'Base', 'x86_64', 'done', 1700000000000, 1700000009000),
  ('b0000002', 'a0000001', 'rocky', '9', 'GenericCloud', 'Base', 'aarch64', 'done', 1700000000000, 1700000009000);
INSERT INTO steps (build, number, name, state, seconds, dir, finished) VALUES
  ('b0000001', 1, 'tree', 'skipped', 0, '/steps/tree', 1700000001000), ('b0000001', 2, 'disk', 'done', 7.5, '/steps/disk', 1700000008000);
INSERT INTO artifacts (build, number, format, path, size, digest) VALUES ('b0000001', 1, 'qcow2', '/steps/package/a.qcow2', 5, 'sha256:aa');
INSERT INTO publications (build, digest, path, latest) VALUES ('b0000001', 'sha256:aa', '/out/a.qcow2', 1);
INSERT INTO reports (build, number, digest, passed, json) VALUES ('b0000001', 1, 'sha256:aa', 1, '{}');
INSERT INTO packages (id, name, epoch, version, release, arch, size) VALUES
  (1, 'zsh', '0', '2', '1.el9', 'noarch', 7), (2, 'bash', '0', '1', '1.el9', 'noarch', 7);
INSERT INTO build_packages (build, kind, package) VALUES ('b0000001', 0, 1), ('b0000001', 0, 2), ('b0000002', 0, 1), ('b0000002', 0, 2);
