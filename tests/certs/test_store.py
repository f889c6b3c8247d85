from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import trio

from support.authority import Authority
from support.store import make_store
from trio_certs import Store, StoreError
from trio_certs import _store as store_module
from trio_certs._certificate import CertificateFacts
from trio_certs._store import BUNDLED, HEADER, format_entries, read_entries
from trio_certs._text import authority_name

ROOTS = [Authority.make(name="Root A"), Authority.make(name="Root B"), Authority.make(name="Root A")]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path, *ROOTS)


def test_the_bundled_files_index_and_list_agree() -> None:
    entries = read_entries(BUNDLED.folder / "index")
    retired = read_entries(BUNDLED.folder / "retired")
    assert sorted(entry.number for entry in (*entries, *retired)) == list(range(len(entries) + len(retired)))
    files = {path.name for path in BUNDLED.folder.iterdir()}
    assert files == {entry.resource for entry in entries} | {
        "index",
        "retired",
        "constraints",
        "LIST.md",
        "date",
    }
    rows = (BUNDLED.folder / "LIST.md").read_text("utf-8").splitlines()
    for entry in entries:
        der = (BUNDLED.folder / entry.resource).read_bytes()
        facts = CertificateFacts.parse(der)
        assert entry.fingerprint == hashlib.sha256(der).digest()
        assert entry.subject_hash == hashlib.sha256(facts.subject).digest()
        assert entry.name == authority_name(facts.subject)
        fields = (
            entry.number,
            entry.name,
            f"`{entry.fingerprint.hex()}`",
            f"{facts.not_after:%Y-%m-%d}",
            "current",
        )
        assert f"| {' | '.join(map(str, fields))} |" in rows


def test_the_index_is_read_once(store: Store) -> None:
    index = store.index()
    (store.folder / "index").unlink()
    assert store.index() is index
    assert repr(store) == f"Store({str(store.folder)!r})"


async def test_the_index_is_loaded_off_the_event_loop_once_and_always_with_a_checkpoint(store: Store) -> None:
    index = await store.load_index()
    (store.folder / "index").unlink()
    with trio.testing.assert_checkpoints():
        assert await store.load_index() is index


async def test_subjects_lead_to_numbers_and_may_be_shared(store: Store) -> None:
    index = await store.load_index()
    assert index.with_subject(ROOTS[0].certificate.subject.public_bytes()) == (0, 2)
    assert index.with_subject(ROOTS[1].certificate.subject.public_bytes()) == (1,)
    assert index.with_subject(b"\x30\x00") == ()
    assert index.by_fingerprint[hashlib.sha256(ROOTS[2].certificate_der).digest()] == 2


async def test_only_the_files_asked_for_are_read_and_only_once(store: Store) -> None:
    for number in (0, 2):
        (store.folder / f"ca{number}.der").unlink()
    entry = store.index().entries[1]
    assert await store.read([1]) == {entry: ROOTS[1].certificate_der}
    (store.folder / "ca1.der").unlink()
    with trio.testing.assert_checkpoints():
        assert await store.read([1]) == {entry: ROOTS[1].certificate_der}


async def test_two_who_need_the_same_share_one_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    original = store_module._read

    def read(path: Path) -> bytes:
        reads.append(path.name)
        return original(path)

    monkeypatch.setattr(store_module, "_read", read)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(store.read, [1])
            nursery.start_soon(store.load_index)
    assert reads == ["index", "ca1.der"]


async def test_when_the_first_is_cancelled_the_second_still_reads(store: Store) -> None:
    """The first has the read hanging; whoever waits for it starts another."""
    path = store.folder / "ca1.der"
    der = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    await store.load_index()
    first = trio.CancelScope()
    answers: list[bytes] = []

    async def lead() -> None:
        with first:
            await store.read([1])

    async def follow() -> None:
        answers.extend((await store.read([1])).values())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lead)
        await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.start_soon(follow)
        await trio.testing.wait_all_tasks_blocked(0.01)
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        path.unlink()
        path.write_bytes(der)
        first.cancel()
    assert first.cancelled_caught
    assert answers == [der]


async def test_a_missing_file_is_reported(store: Store) -> None:
    (store.folder / "ca1.der").unlink()
    with pytest.raises(StoreError, match=r"ca1\.der cannot be read: No such file .* Reinstall the package"):
        await store.read([0, 1])


async def test_a_file_that_is_not_the_one_in_the_index_is_refused(store: Store) -> None:
    (store.folder / "ca1.der").write_bytes(ROOTS[0].certificate_der)
    with pytest.raises(StoreError, match=r"ca1\.der is not the certificate of Root B that the store's index"):
        await store.read([1])


async def test_a_read_that_hangs_can_be_cancelled(store: Store) -> None:
    path = store.folder / "ca1.der"
    path.unlink()
    os.mkfifo(path)
    await store.load_index()
    with trio.move_on_after(0.05) as scope:
        await store.read([1])
    assert scope.cancelled_caught
    # A writer comes and goes, so that the abandoned thread ends too.
    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"another header\n",
        HEADER.encode() + b"\n1\tab\n",
        HEADER.encode() + b"\nx\t\t\t\t\n",
        HEADER.encode() + b"\n1\txx\t\t\t\n",
        HEADER.encode() + b"\n\xff\n",
    ],
)
async def test_a_damaged_index_is_reported(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "index").write_bytes(text)
    with pytest.raises(StoreError, match=r"is damaged: .* Reinstall the package"):
        await Store(tmp_path).load_index()


def test_a_missing_index_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="index cannot be read"):
        Store(tmp_path).index()


def test_entries_survive_being_written_and_read(tmp_path: Path) -> None:
    entries = list(BUNDLED.index().entries.values())
    path = tmp_path / "index"
    path.write_text(format_entries(reversed(entries)), "utf-8")
    assert read_entries(path) == entries


def test_an_entry_names_its_resource() -> None:
    entry = BUNDLED.index().entries[9]
    assert (entry.resource, entry.manifest_entry) == ("ca9.der", "$(CERTS)/ca9")


def test_retired_cas_are_listed_apart(store: Store) -> None:
    assert store.retired() == {}
    (store.folder / "retired").write_text(format_entries([store.index().entries[1]]), "utf-8")
    assert list(store.retired()) == [1]
