"""Publish a release: write the repository's address everywhere, commit, tag, push.

    python -m tools.publish https://github.com/OWNER/NAME

Badges and setup cells refer to the tag `v<version>`; the version stands in pyproject.toml. So the
tag has to be on the commit that holds them, and commit and tag are pushed together or not at all.
The workflow `publish` runs this with the address of the repository that it runs in. Needs only
Python and git.
"""

import subprocess
import sys

from tools import address

BOT = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")


def git(*command):
    """What a git command in the course prints.

    Raises:
        SystemExit: it failed; the message is git's own.
    """
    identity = ["-c", f"user.name={BOT[0]}", "-c", f"user.email={BOT[1]}"]
    done = subprocess.run(
        ["git", *identity, *command], cwd=address.ROOT, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"git {command[0]} failed, and nothing was published: {done.stderr.strip()}")
    return done.stdout.strip()


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1 or not arguments[0]:
        sys.exit("Name the repository's address, such as https://github.com/OWNER/NAME.")
    tag, branch = address.tag(), git("symbolic-ref", "--short", "HEAD")
    if git("status", "--porcelain"):
        sys.exit("There are changes that no commit holds: commit them first.")
    if git("ls-remote", "--tags", "origin", f"refs/tags/{tag}"):
        sys.exit(
            f"The release {tag} is published already: raise `version` in pyproject.toml, and commit."
        )
    address.main(arguments)
    if git("status", "--porcelain"):
        git("add", "--all")
        git("commit", "--quiet", "--message", f"The address {address.address()}, release {tag}")
    git("tag", "--force", "--annotate", tag, "--message", f"Release {tag}")
    git("push", "--quiet", "--atomic", "origin", f"HEAD:refs/heads/{branch}", f"refs/tags/{tag}")
    print(f"{address.address()} is published as {tag}.")


if __name__ == "__main__":
    main()
