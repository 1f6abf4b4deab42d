"""The statements that hold others, or end a function or a round of a loop, and functions and classes inside of functions."""

from __future__ import annotations

from tests.support.object_programs.grammar import statements

BLOCKS = statements("""
if 16
if <bool>:
    <block>

if-else 9
if <bool>:
    <block>
else:
    <block>

if-elif 3
if <bool>:
    <block>
elif <bool>:
    <block>
else:
    <block>

if-truth 3
if <any>:
    <block>

for-range 16
@q:count for <q> in range(<count>):
    <loop>

for-range 3
@q:count for <q> in range(len(<!ints>)):
    <loop>

for-range-step 3
@q:count for <q> in range(<1|2|5>, <count>, <1|2|-1>):
    <loop>

for-iterable 14
@q:int for <q> in <iterable>:
    <loop>

for-floats 2
@q:float for <q> in <floats>:
    <loop>

for-text 4
@q:str for <q> in <str>:
    <loop>

for-strings 3
@q:str for <q> in <strs>:
    <loop>

for-mixed 4
@q:any for <q> in <mixed>:
    <loop>

for-rows 3
@q:ints for <q> in <!grid>:
    <loop>

for-objects 4
@q:obj for <q> in <!objs>:
    <loop>

for-enumerate 5
@q:count @r:int for <q>, <r> in enumerate(<iterable><|, 1|, -2>):
    <loop>

for-zip 4
@q:int @r:int for <q>, <r> in zip(<iterable>, <ints>):
    <loop>

for-zip! 1
@q:int @r:str for <q>, <r> in zip(<ints>, <str>, strict=<bool>):
    <loop>

for-pairs! 3
@q:int @r:int for <q>, <r> in <pairs>:
    <loop>

for-items 4
@q:str @r:int for <q>, <r> in <!dict>.items():
    <loop>

for-keys 3
@q:str for <q> in <|sorted|list|reversed>(<!dict>):
    <loop>

for-values 1
@q:int for <q> in <!dict>.values():
    <loop>

for-set 2
@q:int for <q> in <set>:
    <loop>

for-array 3
@q:float for <q> in <!array>:
    <loop>

for-array 1
@q:array for <q> in <!matrix>:
    <loop>

for-buffer 1
@q:int for <q> in <!buffer>:
    <loop>

for-else 2
@q:int for <q> in <iterable>:
    <loop>
else:
    <block>

for-changing-list 3
@v=ints @q:int for <q> in <v>:
    if len(<v>) < 12 and <bool>:
        <v>.<append(3)|insert(0, 9)|pop()|clear()|remove(2)>
    <loop>

for-changing-dict! 1
@v=dict @q:str for <q> in <v>:
    if <bool>:
        <v>[<str>] = <int>
    <loop>

for-changing-set 1
@v=set @q:int for <q> in <v>:
    <v>.<add|discard>(<int>)

for-target! 1
for <!ints>[<0|-1>] in <iterable>:
    <loop>

while 7
@q:step <q> = <count>
while <q> > 0:
    <q> -= 1
    <loop>

while 4
@q:step <q> = 0
while <q> < len(<!ints>):
    <loop>
    <q> += 1
    if <q> > 50:
        break

while-true 2
@q:step <q> = 0
while True:
    <q> += 1
    if <q> > <3|5> or <bool>:
        break
    <loop>

while-else 1
@q:step <q> = 3
while <q>:
    <q> -= 1
    <loop>
else:
    <block>

while-collatz 1
@q:step @r:step <q> = <1|2|3> + <count>
<r> = 0
while <q> != 1 and <r> < 30:
    <q> = <q> // 2 if <q> % 2 == 0 else 3 * <q> + 1
    <r> += 1
    <loop>

try-except 9
@e:any try:
    <block>
except <exceptions> as <e>:
    note(type(<e>).__name__)
    <block>

try-except 4
try:
    <block>
except <exceptions>:
    <block>

try-message 2
@e:any try:
    <block>
except <exceptions> as <e>:
    note(str(<e>))

try-else 2
try:
    <block>
except <exceptions>:
    <block>
else:
    <block>

try-finally 4
try:
    <block>
finally:
    note(<int>)

try-finally 2
try:
    <block>
except <exceptions>:
    <block>
finally:
    <block>

try-several 1
try:
    <block>
except (KeyError, IndexError):
    <block>
except Exception:
    <block>
    raise

reraise! 2
@e:any try:
    <block>
except <exceptions> as <e>:
    raise RuntimeError(<str>) <from|from None #> <e>

except-group! 1
@e:any try:
    raise ExceptionGroup(<str>, [ValueError(<int>), KeyError(<str>)])
except* <ValueError|KeyError|TypeError> as <e>:
    note(str(<e>))

with 5
with Manager(<int>, <False|False|True>):
    <block>

with 2
@q:any with Manager(<int>, <bool>) as <q>:
    <block>

with 1
@q:any with Manager(1, False) as <q>, Manager(2, <True|False>):
    <block>

with-suppress 1
with contextlib.suppress(<exceptions>):
    <block>

raise! 1
raise <ValueError|KeyError|RuntimeError|IndexError|ArithmeticError>(<item>)

raise-if! 5
if <bool>:
    raise <ValueError|KeyError|RuntimeError|StopIteration>(<item>)

raise-note! 1
@e:any if <bool>:
    <e> = ValueError(<str>)
    <e>.add_note("a note")
    raise <e>

return-early 4
if <bool>:
    return <any>

return-early! 1
return <item>

break 4
if <bool>:
    <break>

continue 4
if <bool>:
    <continue>

assert! 2
assert <bool>, <printable>

pass 1
pass

recursion-error! 1
if <bool>:
    return endless(<int>)

match 3
match <any>:
    case <0|1|True|None|"a">:
        <block>
    case <int()|str()|list()|[_, *_]|{}>:
        <block>
    case _:
        <block>

match 1
match <pair>:
    case (<0|1|-1>, _):
        <block>
    case (_, <0|1|int()>) if <bool>:
        <block>

match-class! 1
match <obj>:
    case <cls>(x=<0|1|2>):
        <block>
    case <cls>():
        <block>

walrus 3
if (<=int> := <bounded>) > <int>:
    <block>

inner-function 2
@g:func @q:int def <g>(<q>, k=<int>):
    return <int>
<=int> = <g>(<int>)

inner-nonlocal 2
@g:func @v=int def <g>(by):
    nonlocal <v>
    <v> <+|-|^>= by
    return <v>
<g>(<int>)

inner-lambda! 1
@g:any <g> = [lambda: <int>, lambda: <int>]
<=int> = <g>[<index>]()

inner-generator 1
@g:any @q:int def <g>():
    for <q> in <iterable>:
        yield <int>
<=ints> = list(<g>())[:9]

kept-method 4
@v=ints @g:kept @q:int <g> = <v>.append
for <q> in range(<2|3|5>):
    if len(<v>) < 20:
        <g>(<int>)
    <loop>

kept-method 3
@v=ints @g:kept @h:kept <g>, <h> = <v>.insert, <v>.pop
<g>(<index>, <int>)
if len(<v>) > 1:
    <g>(0, <h>(<0|-1>))

kept-method 2
@v=dict @g:kept <g> = <v>.get
<=any> = [<g>(<str>), <g>(<str>, <int>)]

kept-method! 1
@v=ints @g:kept @q:int <g> = <v>.append
for <q> in <iterable>:
    if len(<v>) < 12:
        <g>(<item>)
    <g> = <ints>.<append|remove|count>

inner-class 1
class Local:
    x = <int>
    def step(self, k=1):
        return self.x + k
<=int> = Local().step(<int>)

inner-super 3
class Local:
    base = <int>
    def __init__(self, x):
        self.x = x
    def step(self, k=1):
        return self.x + k
    @classmethod
    def count(cls, k):
        return cls.base + k
class Derived(Local):
    def __init__(self, x):
        <super().__init__(x)|super(Derived, self).__init__(x + 1)>
    def step(self, k=1):
        return super().step(k) + <int>
    @classmethod
    def count(cls, k):
        return super().count(k) + 1
<=int> = Derived(<int>).step(<int>) + Derived.count(<int>)

inner-list 3
@q:kept @r:int <q> = Items()
<q>.append(<int>)
<q>.insert(0, <int>)
for <r> in <q>:
    <loop>
<=int> = <q>[<0|-1|1>] + len(<q>)
if <q>:
    <=int> = <q>.pop(<0|>)

import 1
import math as m
<=float> = m.sqrt(abs(<int>))

import 1
from bisect import insort
insort(<!heap>, <int>)

print-like 1
<=str> = str([<printable>, <printable>])[:20]

patches-module 1
math.<floor|sqrt> = <len|str|abs>
""")

EXCEPTIONS = [
    "IndexError", "KeyError", "ValueError", "TypeError", "ZeroDivisionError", "Exception", "Exception", "(TypeError, ValueError)", "LookupError",
    "ArithmeticError", "RuntimeError", "BaseException", "AttributeError", "OverflowError", "StopIteration", "NameError",
]  # fmt: skip
