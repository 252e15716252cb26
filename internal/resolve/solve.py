"""Solves the dependencies of one image with dnf. Part of Quarry's resolve room, which runs it and checks what it says.

Reads one JSON object from standard input (the fields of solveRequest in solve.go), writes one JSON object to standard output
(solveAnswer) and, while it works, one JSON object a line to standard error. Nothing of the host's dnf configuration is used: no
repository, plugin, variable or module state, and the installation root is an empty folder.
"""

import fnmatch
import json
import logging
import os
import sys
import time

import dnf
import dnf.callback
import dnf.exceptions
import dnf.module.module_base
import dnf.subject
import libdnf.transaction


def say(**event):
    sys.stderr.write(json.dumps(event) + "\n")
    sys.stderr.flush()


class Warnings(logging.Handler):
    """Keeps what dnf warns about: it is there that dnf says why a download was not accepted."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines += [line.strip(" -") for line in record.getMessage().splitlines()]

    def take(self, marker):
        """The lines that hold marker, each once; all are forgotten."""
        found = list(dict.fromkeys(line for line in self.lines if marker in line))
        self.lines = []
        return found


class Progress(dnf.callback.DownloadProgress):
    """Metadata downloads, a few times a second."""

    def __init__(self):
        self.last = 0.0

    def start(self, total_files, total_size, total_drpms=0):
        pass

    def progress(self, payload, done):
        now = time.monotonic()
        if now - self.last > 0.2:
            self.last = now
            say(metadata=str(payload), done=int(done), total=int(payload.download_size))

    def end(self, payload, status, msg):
        pass


class Refusal(Exception):
    """An answer that is an error the host explains; a traceback is for our own mistakes only."""

    def __init__(self, **answer):
        super().__init__(answer)
        self.answer = answer


def new_base(job):
    base = dnf.Base(dnf.conf.Conf())
    conf = base.conf
    conf.config_file_path = ""
    conf.reposdir = []
    conf.varsdir = []
    conf.plugins = False
    conf.pluginpath = []
    conf.pluginconfpath = []
    conf.installroot = os.path.join(job["work"], "root")
    conf.persistdir = os.path.join(job["work"], "persist")
    conf.logdir = job["work"]
    conf.cachedir = job["cache"]
    conf.system_cachedir = job["cache"]
    conf.module_platform_id = job["platform"]
    conf.arch = job["arch"]
    conf.ignorearch = True
    conf.substitutions.update({"releasever": job["release"], "basearch": job["arch"], "arch": job["arch"]})
    conf.gpgcheck = False  # the host checks the RPMs' signatures after fetching them
    conf.install_weak_deps = job["weak"]
    conf.multilib_policy = "all" if job["multilib"] else "best"
    conf.strict = not job["ignoreBroken"]
    conf.best = False  # as Anaconda: an older version is better than none
    conf.retries = 3
    conf.timeout = 60
    conf.assumeyes = True
    for r in job["repositories"]:
        repo = dnf.repo.Repo(r["id"], conf)
        if r.get("baseURL"):
            repo.baseurl = [r["baseURL"]]
        elif r.get("metalink"):
            repo.metalink = r["metalink"]
        else:
            repo.mirrorlist = r["mirrorList"]
        if r.get("cost"):
            repo.cost = r["cost"]
        if r.get("proxy"):
            repo.proxy = r["proxy"]
        repo.includepkgs = r.get("include") or []
        repo.excludepkgs = r.get("exclude") or []
        repo.sslverify = not r.get("noVerifySSL")
        repo.module_hotfixes = bool(r.get("hotfixes"))
        repo.repo_gpgcheck = bool(r.get("repoGPGCheck"))
        repo.gpgkey = job["keys"]
        repo.skip_if_unavailable = False
        repo.metadata_expire = 0
        repo.set_progress_bar(Progress())
        base.repos.add(repo)
    return base


def load(base, warnings):
    failed = []
    for repo in base.repos.iter_enabled():
        say(log="reading the metadata of " + repo.id)
        repo._repo.expire()  # an age of 0 s is not yet older than a metadata_expire of 0
        try:
            repo.load()
        except dnf.exceptions.RepoError as e:
            # dnf warns of each attempt and its mirror; the reasons repeat.
            reasons = warnings.take("doesn't match")
            failed.append({"repo": repo.id, "message": "; ".join([str(e)] + reasons[:2])})
    if failed:
        raise Refusal(failedRepositories=failed)
    # The metadata was checked just now: what follows reads it from the cache.
    for repo in base.repos.iter_enabled():
        repo.metadata_expire = -1
    base.fill_sack(load_system_repo=False)
    base.read_comps(arch_filter=True)


def set_modules(base, job):
    modules = dnf.module.module_base.ModuleBase(base)
    try:
        if job["disableModules"]:
            modules.disable(job["disableModules"])
        if job["enableModules"]:
            modules.enable(job["enableModules"])
    except dnf.exceptions.MarkingErrors as e:
        raise Refusal(missing=sorted("module " + s for s in e.no_match_group_specs or e.error_group_specs), broken=str(e))


def mark(base, job):
    """Marks what is asked for, and returns what there is not."""
    missing = []
    try:
        base.install_specs(job["install"], exclude=job["exclude"], strict=not job["ignoreBroken"])
    except dnf.exceptions.MarkingErrors as e:
        missing = list(e.no_match_pkg_specs) + list(e.error_pkg_specs) + list(e.no_match_group_specs) + list(e.error_group_specs)
        if e.module_depsolv_errors:
            raise Refusal(broken=str(e))
    found = []
    for spec in job["soft"]:
        try:
            base.install(spec, strict=False)
            found.append(spec)
        except dnf.exceptions.MarkingError:
            pass
    return missing, found


def resolve(base):
    try:
        base.resolve(allow_erasing=False)
    except dnf.exceptions.DepsolveError as e:
        raise Refusal(broken=str(e).strip())
    return {item.pkg: item for item in base.transaction if item.action == libdnf.transaction.TransactionItemAction_INSTALL}


def describe(pkg, reason="", origin=""):
    kind, checksum = pkg.returnIdSum()
    return {
        "name": pkg.name, "epoch": str(pkg.epoch), "version": pkg.version, "release": pkg.release, "arch": pkg.arch,
        "repo": pkg.reponame, "location": pkg.location, "url": pkg.remote_location(schemes=("https", "http", "file")) or "",
        "checksum": kind + ":" + checksum, "size": pkg.downloadsize, "installed": pkg.installsize, "reason": reason, "for": origin,
    }


def groups_of(base, job, names):
    """The groups and environments that are installed, with their members."""
    excluded_groups = {s.lstrip("@^") for s in job["exclude"] if s.startswith("@")}
    globs = [s for s in job["exclude"] if not s.startswith("@")]
    out, by_package = {}, {}

    def members(packages):
        return sorted({p.name for p in packages})

    def add_group(group):
        if group.id in excluded_groups or group.id in out:
            return
        mandatory, default = members(group.mandatory_packages), members(group.default_packages)
        optional = members(group.optional_packages)
        everything = sorted(set(mandatory + default + optional))
        out[group.id] = {
            "id": group.id, "name": group.name, "kind": "group", "mandatory": mandatory, "default": default, "optional": optional,
            "installed": [n for n in everything if n in names],
            "excluded": [n for n in mandatory + default if any(fnmatch.fnmatchcase(n, g) for g in globs)],
        }
        for n in everything:
            by_package.setdefault(n, []).append("@" + group.id)

    for spec in job["install"]:
        if not spec.startswith("@"):
            continue
        pattern = spec.lstrip("@^").split("/")[0]
        for env in base.comps.environments_by_pattern(pattern):
            mandatory, optional = [g.id for g in env.mandatory_groups], [g.id for g in env.optional_groups]
            out["^" + env.id] = {
                "id": env.id, "name": env.name, "kind": "environment", "mandatory": mandatory, "default": [], "optional": optional,
                "installed": [g for g in mandatory if g not in excluded_groups],
                "excluded": [g for g in mandatory + optional if g in excluded_groups],
            }
            for group in env.mandatory_groups:
                add_group(group)
        for group in base.comps.groups_by_pattern(pattern):
            add_group(group)
    return [out[k] for k in sorted(out)], by_package


def explain(base, job, soft, items, by_package):
    """Packages with the reason that dnf records, and who asked for them."""
    asked = {}
    for spec in job["install"] + soft:
        if not spec.startswith("@"):
            for pkg in dnf.subject.Subject(spec).get_best_query(base.sack, with_src=False):
                asked.setdefault(pkg, spec)
    chosen = base.sack.query().filterm(pkg=list(items))
    reasons = {
        libdnf.transaction.TransactionItemReason_USER: "user", libdnf.transaction.TransactionItemReason_GROUP: "group",
        libdnf.transaction.TransactionItemReason_WEAK_DEPENDENCY: "weak",
    }
    out = []
    for pkg, item in items.items():
        reason = reasons.get(item.reason, "dependency")
        if reason == "user":
            origin = asked.get(pkg, "")
        elif reason == "group":
            origin = (by_package.get(pkg.name) or [""])[0]
        else:
            origin = requirer(chosen, pkg, weak=reason == "weak")
        out.append(describe(pkg, reason, origin))
    return out


def requirer(chosen, pkg, weak):
    for relation in ("recommends", "supplements", "requires") if weak else ("requires", "recommends"):
        if relation == "supplements":
            continue  # says the package itself
        names = sorted(p.name for p in chosen.filter(**{relation: [pkg]}) if p != pkg)
        if names:
            return names[0]
    return ""


def available(job, items):
    """What %post may install on top of the installed set, with dependencies. The kickstart's excludes don't bind %post."""
    if not job["available"]:
        return [], []
    base = new_base(job)
    for repo in base.repos.iter_enabled():
        repo.metadata_expire = -1
    base.fill_sack(load_system_repo=False)
    set_modules(base, job)
    have = {(p.name, p.evr, p.arch) for p in items}
    identity = lambda p: (p.name, p.evr, p.arch)
    absent = []

    def solve(weak, wants):
        base.reset(goal=True)
        base.conf.install_weak_deps = weak
        for p in items:
            base.package_install(base.sack.query().filterm(name=p.name, evr=p.evr, arch=p.arch, reponame=p.reponame)[0])
        for spec in wants:
            try:
                base.install(spec, strict=False)
            except dnf.exceptions.MarkingError:
                if spec not in absent:
                    absent.append(spec)
        return {identity(p): p for p in resolve(base) if identity(p) not in have}

    # Weak dependencies of what is already there are not installed by a later dnf: they are those that come without any wish.
    everything, nothing, needed = solve(job["weak"], job["available"]), solve(job["weak"], []), solve(False, job["available"])
    chosen = {k: p for k, p in everything.items() if k not in nothing}
    chosen.update(needed)
    return [describe(p) for p in chosen.values()], absent


def run(job):
    warnings = Warnings()
    logging.getLogger("dnf").addHandler(warnings)
    base = new_base(job)
    load(base, warnings)
    set_modules(base, job)
    missing, soft = mark(base, job)
    if missing and not job["ignoreMissing"]:
        raise Refusal(missing=missing)
    say(log="solving the dependencies")
    items = resolve(base)
    groups, by_package = groups_of(base, job, {p.name for p in items})
    packages = explain(base, job, soft, items, by_package)
    say(log="solving what %post may install")
    more, absent = available(job, list(items))
    return {
        "repositories": [
            {
                "id": r.id, "repomd": os.path.join(r._repo.getCachedir(), "repodata", "repomd.xml"),
                "mirrors": [] if r.baseurl else list(r._repo.getMirrors()),
            }
            for r in base.repos.iter_enabled()
        ],
        "packages": packages, "available": more, "groups": groups, "soft": soft, "ignored": missing, "unavailable": absent,
    }


def main():
    job = json.load(sys.stdin)
    for sub in ("root", "persist"):
        os.makedirs(os.path.join(job["work"], sub), exist_ok=True)
    try:
        answer = run(job)
    except Refusal as e:
        answer = e.answer
    except dnf.exceptions.Error as e:
        answer = {"broken": str(e)}
    json.dump(answer, sys.stdout)


main()
