from __future__ import annotations

from pathlib import Path

import pytest

from support.authority import Authority, to_pem
from support.store import make_store, update_tool
from trio_certs import Store
from trio_certs._manifest_entry import numbers_of

ROOTS = [Authority.make(name=f"Root {number}") for number in range(12)]
RETIRED = 10


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Twelve CAs, of which number 10 is retired."""
    folder = tmp_path_factory.mktemp("certs") / "store"
    make_store(folder, *ROOTS)
    left = [root.certificate for number, root in enumerate(ROOTS) if number != RETIRED]
    update_tool().update(to_pem(*left), folder)
    return Store(Path(folder))


@pytest.mark.parametrize(
    ("entry", "numbers"),
    [
        ("$(CERTS)/ca0", {0}),
        ("$(CERTS)/ca11", {11}),
        ("$(CERTS)/ca11.der", {11}),
        ("$(CERTS)/ca1*", {1, 11}),
        ("$(CERTS)/ca1*.der", {1, 11}),
        ("$(CERTS)/ca*1", {1, 11}),
        ("$(CERTS)/ca**1*", {1, 11}),
        ("$(CERTS)/ca*", set(range(12)) - {RETIRED}),
        ("$(CERTS)/*", set(range(12)) - {RETIRED}),
        ("$(CERTS)/*.der", set(range(12)) - {RETIRED}),
    ],
)
def test_an_entry_means_numbers(store: Store, entry: str, numbers: set[int]) -> None:
    assert numbers_of(entry, store) == numbers
    assert numbers_of(entry, store, excluding=True) == numbers


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("$(CERTS)/ca12", "there is no such CA: the store's last is ca11, see store/LIST.md"),
        ("$(CERTS)/ca10", "Root 10 was retired and is not trusted any more: remove the entry"),
        ("$(CERTS)/ca2*1", "no CA of the store has such a number"),
        ("$(CERTS)/ca10*", "no CA of the store has such a number"),
        ("~$(CERTS)/ca0", 'what is excluded stands in a list of its own, under "~"'),
        ("$(MODULES)/crypt/data/ca0", "the only variable is $(CERTS), for the store"),
        ("./my-ca.der", 'a certificate of your own goes into a connection\'s "certificate"'),
        ("ca0", "an entry has the form $(CERTS)/ca9"),
        ("$(CERTS)/ca00", "the numbers of CAs have no leading zeros and at most six digits"),
        ("$(CERTS)/ca1234567", "the numbers of CAs have no leading zeros and at most six digits"),
        ("$(CERTS)/ca0\n", "an entry has the form $(CERTS)/ca9"),
        ("$(CERTS)/CA0", "an entry has the form $(CERTS)/ca9"),
        ("$(CERTS)/ca0.pem", "an entry has the form $(CERTS)/ca9"),
        ("$(CERTS)/ca" + "*" * 5000, "an entry has the form $(CERTS)/ca9"),
        ("$(CERTS)/ca٩", "an entry has the form $(CERTS)/ca9"),
        ("", "an entry has the form $(CERTS)/ca9"),
    ],
)
def test_an_entry_that_means_nothing_is_refused(store: Store, entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"CA|entry|variable|excluded|number") as caught:
        numbers_of(entry, store)
    assert message in str(caught.value)


@pytest.mark.parametrize("entry", ["$(CERTS)/ca10", "$(CERTS)/ca10*"])
def test_what_is_excluded_may_have_been_retired_since(store: Store, entry: str) -> None:
    assert numbers_of(entry, store, excluding=True) == frozenset()


@pytest.mark.parametrize("entry", ["$(CERTS)/ca12", "$(CERTS)/ca12*"])
def test_what_is_excluded_must_have_been_there(store: Store, entry: str) -> None:
    with pytest.raises(ValueError, match="CA"):
        numbers_of(entry, store, excluding=True)
