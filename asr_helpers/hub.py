"""Push a folder with a model to the Hugging Face Hub; errors are one clear sentence."""

from pathlib import Path

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    OfflineModeIsEnabled,
)

from asr_helpers.reach import patience

NEEDED = ("config.json", "model.safetensors", "vocab.json", "README.md")
PAGE = ("index.html", "README.md", "model/model.json")
# Training's own files stay here: training_args.bin, for one, holds a token if it was given one.
SHARED = ["*.json", "*.safetensors", "README.md"]
WAIT = 60.0  # seconds; without it the client would wait for ever where a server says nothing


class HubError(RuntimeError):
    """A push that failed: what is wrong and what to do, in one sentence, without the token."""


def push(trained, repo_id, message="Push the fine-tuned model", new=False):
    """Publish a model, its processor and its card as a commit; nothing local is changed.

    Logging in comes first: `hf auth login` in a terminal, `notebook_login()` in a notebook.

    Args:
        trained: a folder with the files of `NEEDED` (README.md is the card), or a Trainer, whose
            model and processor are saved into its output folder first.
        repo_id: "user/name", or "name" for one of your own. It is created where there is none.
        message: the commit's title.
        new: refuse a name that is in use; False adds a commit to it.

    Returns:
        The address of the commit. Files that only the repository has stay there.

    Raises:
        HubError: a file or the token is missing, the token is wrong or may not write there, the name
            is in use, or the Hub cannot be reached or failed. A commit arrives whole or not at all.
    """
    folder = Path(trained.args.output_dir if hasattr(trained, "save_model") else trained)
    if hasattr(trained, "save_model"):
        trained.save_model(folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise HubError(
            f"{folder} lacks {', '.join(missing)}: save the model, the processor and the card "
            "(README.md) there, and push again."
        )
    files = dict(allow_patterns=SHARED, ignore_patterns="*/*")
    return _publish(folder, repo_id, message, new, {}, files).commit_url


def push_page(folder, repo_id, message="Push the page", new=False):
    """Publish a web page as a static Space, in one commit; nothing local is changed.

    Args:
        folder: the page, with the README.md that makes it a Space.
        repo_id: "user/name", or "name" for one of your own. It is created where there is none.
        message: the commit's title.
        new: refuse a name that is in use; False adds a commit to it.

    Returns:
        The address of the Space. Files of an earlier page that the folder lacks are deleted there.

    Raises:
        HubError: a file or the token is missing, the token is wrong or may not write there, the name
            is in use, or the Hub cannot be reached or failed. A commit arrives whole or not at all.
    """
    folder = Path(folder)
    missing = [name for name in PAGE if not (folder / name).is_file()]
    if missing:
        raise HubError(f"{folder} lacks {', '.join(missing)}: build the page, and push again.")
    space = dict(repo_type="space", space_sdk="static")
    files = dict(delete_patterns="*", repo_type="space")
    commit = _publish(folder, repo_id, message, new, space, files)
    return str(commit.repo_url)


def _publish(folder, repo_id, message, new, kind, files):
    """Create the repository where there is none, and commit the folder to it: a `CommitInfo`.

    Args:
        kind: what `create_repo` is told of the repository; files: what `upload_folder` is told of
            the files.

    Raises:
        HubError: see `push`.
    """
    api, token = HfApi(), get_token()
    if not token:
        raise HubError(
            "You are not logged in: make a token that may write at "
            f"{api.endpoint}/settings/tokens, run `notebook_login()` or `hf auth login`, and push "
            "again."
        )
    try:
        with patience(WAIT):
            made = api.create_repo(repo_id, exist_ok=not new, token=token, **kind)
            return api.upload_folder(
                repo_id=made.repo_id, folder_path=folder, commit_message=message, token=token,
                **files,
            )  # fmt: skip
    except Exception as error:
        # `from None`, and no word of the client's message: the message could quote the token.
        raise HubError(_sentence(error, repo_id, folder, api.endpoint)) from None


def _sentence(error, repo_id, folder, endpoint):
    """What went wrong and what to do, from the client's exception."""
    tokens = f"{endpoint}/settings/tokens"
    again = f"your files are whole in {folder}"
    if isinstance(error, HFValidationError):
        return (
            f"{repo_id!r} is no name for a repository: use letters, digits, '-', '_' and '.', as in "
            f"'user/my-model'; {again}."
        )
    if isinstance(error, OfflineModeIsEnabled):
        return (
            "The Hub is switched off by HF_HUB_OFFLINE: unset it, restart Python and push again; "
            f"{again}."
        )
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if status == 401:
        return (
            "The Hub does not know the stored token (mistyped, expired or revoked): make one that "
            f"may write at {tokens}, log in with it and push again; {again}."
        )
    if status == 403:
        return (
            f"The stored token may not write to {repo_id}: use a name of your own "
            f"('your-user/name') and a token that may write, from {tokens}; {again}."
        )
    if status == 409:
        return (
            f"The name {repo_id} is in use: choose another, or push with new=False to add a commit "
            f"to it; {again}."
        )
    if status in (412, 429):
        busy = "has changed meanwhile" if status == 412 else "is asked too often"
        return f"{repo_id} {busy}: wait some minutes and push again; {again}."
    if status and status < 500:
        return f"The Hub refused the push (status {status}): check {repo_id} and its card; {again}."
    if not isinstance(error, HTTPError | OSError):
        what = type(error).__name__
        return f"The client failed ({what}): update huggingface_hub and push again; {again}."
    why = f"failed (status {status})" if status else f"cannot be reached ({type(error).__name__})"
    return (
        f"The Hub at {endpoint} {why}: a commit arrives whole or not at all, so push again when the "
        f"network and the Hub are well; {again}."
    )
