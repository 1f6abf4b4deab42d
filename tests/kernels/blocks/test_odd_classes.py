"""Classes that answer for themselves: by `__getattribute__`, a metaclass, or attributes whose classes become descriptors under way."""

from __future__ import annotations

import pytest

from cascade.kernels.blocks.kernel import block_kernel

LOG: list[object] = []


class Base:
    pass


class Disguised:
    def __getattribute__(self, name):
        LOG.append(name)
        return int if name == "__class__" else object.__getattribute__(self, name)


class EqualToAll(type):
    def __eq__(cls, other):
        LOG.append("eq")
        return True

    def __hash__(cls):
        LOG.append("hash")
        return hash(dict)


class Equal(metaclass=EqualToAll):
    kept = 2

    def __init__(self):
        self.number = 1

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return index

    def __iter__(self):
        return iter("xy")

    def append(self, value):
        return value


class OwnOrder(type):
    def mro(cls):
        return [each for each in type.mro(cls) if each is not Base]


class WithoutBase(Base, metaclass=OwnOrder):
    pass


def asked(values):
    LOG.clear()
    found = []
    for value in values:
        found.append((value.__class__, isinstance(value, int), isinstance(value, (Base, int)), isinstance(value, Base)))
    return found, list(LOG)


def used(values):
    LOG.clear()
    found = []
    for value in values:
        found.append((len(value), value[0], [each for each in value], value.number, value.kept, value.append(1)))
        found.append((type(value).kept, str(value)[:6], 1 if value else 2))
    made = Equal()
    return found, made.number, list(LOG)


@pytest.mark.parametrize("make", [Disguised, WithoutBase, Base, Equal, bool], ids=lambda make: make.__name__)
def test_the_class_of_an_object_is_asked_for_as_by_cpython(make):
    kernel, values = block_kernel(asked), [make(), make(), make()]
    for _ in range(2):
        assert repr(kernel(values)) == repr(asked(values))


def test_a_class_that_is_equal_to_another_one_is_not_taken_for_it():
    kernel = block_kernel(used)
    for _ in range(3):
        assert repr(kernel([Equal(), Equal()])) == repr(used([Equal(), Equal()]))


# -- Descriptors that come late -----------------------------------------------------------------------------------------


class Late:
    pass


class LateMeta(type):
    attribute = Late()


class Owner(metaclass=LateMeta):
    x = Late()

    def __init__(self):
        self.x = 1


class Plain:
    x = Late()


class WithMeta(metaclass=LateMeta):
    attribute = 5


def become_descriptors():
    Late.__get__ = lambda self, instance, owner=None: "got"
    Late.__set__ = lambda self, instance, value: LOG.append(value)


@pytest.fixture(autouse=True)
def no_descriptors():
    LOG.clear()
    yield
    for name in ("__get__", "__set__"):
        if name in vars(Late):
            delattr(Late, name)


def of_the_class(n, at):
    instance, found = Plain(), []
    for i in range(n):
        if i == at:
            become_descriptors()
        found.append(type(instance.x))
    return found


def of_the_instance(n, at):
    instance, found = Owner(), []
    for i in range(n):
        if i == at:
            become_descriptors()
        found.append(instance.x)
    return found


def of_a_class_itself(n, at):
    found = []
    for i in range(n):
        if i == at:
            become_descriptors()
        found.append((type(Plain.x), WithMeta.attribute))
    return found


def stored(n, at):
    instance = Owner()
    for i in range(n):
        if i == at:
            become_descriptors()
        instance.x = i
    return vars(instance), list(LOG)


@pytest.mark.parametrize("function", [of_the_class, of_the_instance, of_a_class_itself, stored])
@pytest.mark.parametrize("before", [0, 3])
def test_a_class_whose_instance_is_an_attribute_becomes_a_descriptor(function, before):
    def outcome(call):
        for name in ("__get__", "__set__"):
            if name in vars(Late):
                delattr(Late, name)
        LOG.clear()
        return call(8, 5)

    kernel = block_kernel(function)
    for _ in range(before):
        assert kernel(8, 9) == function(8, 9)
    expected = outcome(function)
    assert outcome(kernel) == expected != outcome(lambda n, at: function(n, 9))
    assert kernel(8, 9) == function(8, 9)
