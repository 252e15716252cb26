"""Installs the packages of one image with dnf. Part of Quarry's agent/packages room, which runs it and checks what it says.

Reads one JSON object from standard input (installRequest in dnf.go) and writes one JSON object a line to standard output
(installMessage there); the last one holds the installed packages. Everything else that is printed, by dnf, rpm or a package's
script, goes to standard error. Nothing of the host's or the installer's dnf configuration is used.

It needs dnf 4 and runs with the one of Enterprise Linux 8, 9 and 10 and of Debian.
"""

import json
import logging
import os
import sys

import dnf
import dnf.callback
import dnf.exceptions
import dnf.module.module_base
import dnf.yum.rpmtrans
import hawkey
import rpm

# What packages' scripts print must not be taken for our words: standard output becomes standard error, for us and for all we start.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def say(**message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


class Errors(logging.Handler):
    def emit(self, record):
        say(warning=record.getMessage())


class Display(dnf.yum.rpmtrans.TransactionDisplay):
    """Says how many packages are done. rpm tells a package's progress in bytes; a package is done when all of them are."""

    def __init__(self):
        super(Display, self).__init__()
        self.seen = None

    def progress(self, package, action, ti_done, ti_total, ts_done, ts_total):
        if action == dnf.callback.PKG_INSTALL and self.seen != ts_done:
            self.seen = ts_done
            say(done=ts_done, total=ts_total, package=str(package))

    def scriptout(self, msgs):
        if msgs:
            sys.stderr.buffer.write(msgs if isinstance(msgs, bytes) else msgs.encode("utf-8", "replace"))
            sys.stderr.flush()

    def error(self, message):
        say(warning=message)


def key(p):
    return "%s-%s:%s-%s.%s" % (p.name, p.epoch, p.version, p.release, p.arch)


def configure(job, spec):
    base = dnf.Base(dnf.conf.Conf())
    conf = base.conf
    conf.config_file_path = ""
    conf.reposdir = []
    conf.varsdir = []
    conf.plugins = False
    conf.installroot = job["root"]
    conf.prepend_installroot("persistdir")
    conf.logdir = job["log"]
    conf.cachedir = job["cache"]
    conf.system_cachedir = job["cache"]
    conf.module_platform_id = "platform:el" + spec["release"].split(".")[0]
    conf.substitutions.update({"releasever": spec["release"], "basearch": spec["arch"], "arch": spec["arch"]})
    if spec["arch"] != hawkey.detect_arch():
        conf.arch = spec["arch"]
        conf.ignorearch = True
    # Signatures were checked on the host when the packages were fetched, against the keys of the Lock; the payload holds nothing else.
    conf.gpgcheck = False
    conf.install_weak_deps = not spec.get("excludeWeakDeps")
    conf.multilib_policy = "all" if spec.get("multilib") else "best"
    conf.tsflags = ["nodocs"] if spec.get("excludeDocs") else []
    conf.best = False
    conf.assumeyes = True
    for name in job["repositories"]:
        repo = dnf.repo.Repo(name, conf)
        repo.baseurl = ["file://" + os.path.join(job["payload"], name)]
        repo.gpgcheck = False
        repo.skip_if_unavailable = False
        base.repos.add(repo)
    return base


def load(base, spec):
    base.fill_sack(load_system_repo="auto")
    base.read_comps(arch_filter=True)
    modules = dnf.module.module_base.ModuleBase(base)
    if spec.get("disabledModules"):
        modules.disable(spec["disabledModules"])
    if spec.get("modules"):
        modules.enable(spec["modules"])
    # The payload also holds what scripts may install later: for this transaction there is only what the Lock says.
    expected = set(spec["expected"])
    others = [p for p in base.sack.query().available() if key(p) not in expected]
    base.sack.add_excludes(base.sack.query().filterm(pkg=others))


def mark(base, spec):
    exclude = list(spec.get("exclude") or []) + ["@" + g for g in spec.get("excludeGroups") or []]
    try:
        base.install_specs(spec["install"], exclude=exclude)
    except dnf.exceptions.MarkingErrors as e:
        # Whether that matters is seen when what is installed is compared with what the Lock expects.
        say(warning=str(e))
    base.resolve(allow_erasing=False)


def installed(root):
    lines = []
    for h in rpm.TransactionSet(root).dbMatch():
        fields = [h[rpm.RPMTAG_NAME], h[rpm.RPMTAG_EPOCHNUM], h[rpm.RPMTAG_VERSION], h[rpm.RPMTAG_RELEASE], h[rpm.RPMTAG_ARCH] or "noarch"]
        lines.append(" ".join(str(f) for f in fields + [h[rpm.RPMTAG_LONGSIZE] or 0]))
    return sorted(lines)


def main():
    job = json.load(sys.stdin)
    spec = job["spec"]
    # dnf warns of every group member that the Lock leaves out: that is for the log, and only errors are for people.
    logging.getLogger("dnf").addHandler(logging.StreamHandler(sys.stderr))
    logging.getLogger("dnf").addHandler(Errors(logging.ERROR))
    try:
        base = configure(job, spec)
        load(base, spec)
        mark(base, spec)
        base.download_packages(base.transaction.install_set)  # only checks that the files are there
        # rpm has read its macros from there by now; scripts of packages see what they see on any system.
        os.environ["HOME"] = "/root"
        base.do_transaction(Display())
        base.close()
    except dnf.exceptions.Error as e:
        say(error=str(e).strip())
        return
    say(packages=installed(job["root"]))


main()
