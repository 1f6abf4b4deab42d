"""The statements that programs are made of.

`<bounded>` is an int that does not double its digits when a loop computes it again and again; `<short_str>` and
`<short_ints>` do not grow either.
"""

from __future__ import annotations

from tests.support.object_programs.grammar import statements

STATEMENTS = statements("""
assign 16
<=int> = <bounded>

assign 5
<=float> = <float>

assign 2
<=bool> = <bool>

assign 5
<=str> = <short_str>

assign 5
<=ints> = <short_ints>

assign 2
<=floats> = <floats>

assign 2
<=mixed> = <mixed>

assign-nested 3
<=grid> = <grid>

assign 2
<=strs> = <strs>

assign 3
<=pair> = <pair>

assign 1
<=pairs> = <pairs>

assign-dict 3
<=dict> = <dict>

assign-dict 2
<=table> = <table>

assign-set 2
<=set> = <set>

assign-deque 2
<=deque> = <deque>

assign-heap 2
<=heap> = <heap>

assign-array 4
<=array> = <array>

assign-array 2
<=matrix> = <matrix>

assign-buffer 3
<=buffer> = <buffer>

assign-object 6
<=obj> = <obj>

assign-object 2
<=objs> = <objs>

assign-random 2
<=random> = <random>

assign-function 3
<=func> = <func>

assign-complex 2
<=complex> = <complex>

assign-any 2
<=any> = <any>

alias 3
<=ints> = <!ints>

alias 1
<=any> = <=ints> = <ints>

changes-type 3
<!int> = <item>

changes-type 1
<!ints> = <pair>

changes-type 1
<!float> = <int>

augmented 16
<!int> <+|-|^|&>= <bounded>

augmented 2
<!int> <//|%>= <3|7|10>

augmented 1
<!int> >>= <1|3>

augmented 5
<!float> <+|-|*>= <num>

augmented 2
<!str> += <str>[:4]

augmented-list 2
@v=ints if len(<v>) < 20:
    <v> += <ints>

augmented-item 7
<!ints>[<index>] <+|-|^>= <bounded>

augmented-item 3
<!dict>[<str>] += <int>

augmented-item 2
<!grid>[<index>][<index>] += <bounded>

augmented-item 3
<!array>[<index>] <+|-|*|/|//>= <num>

store 14
<!ints>[<index>] = <bounded>

store 4
<!floats>[<index>] = <float>

store 5
<!grid>[<index>][<index>] = <bounded>

store 2
<!mixed>[<index>] = <item>

store 1
<!ints>[<index>] = <item>

store-slice 3
<!ints>[<slice>] = <ints>[:5]

store-row 1
<!grid>[<index>] = <ints>

swap 4
@v=ints @i=count @j=count <v>[<i>], <v>[<j>] = <v>[<j>], <v>[<i>]

swap 2
@v=ints <v>[0], <v>[-1] = <v>[-1], <v>[0]

swap 3
<!int>, <!int> = <bounded>, <!int>

append 12
<!ints>.append(<bounded>)

append 2
<!mixed>.append(<item>)

append 2
<!strs>.append(<short_str>)

append 2
<!objs>.append(<obj>)

append 2
<!grid>.append(<ints>)

list-pop 4
<=int> = <!ints>.pop(<|0|-1>)

list-methods 3
<!ints>.<insert(0, 5)|insert(-1, 7)|insert(99, 1)|reverse()|sort()|clear()>

list-methods 2
<!ints>.insert(<index>, <bounded>)

list-methods 2
<!ints>.remove(<int>)

list-methods 1
@v=ints if len(<v>) < 20:
    <v>.extend(<iterable>)

sort 1
<!mixed>.sort()

sort-key 1
@q <!ints>.sort(key=lambda <q>: note(<q>))

delete 3
del <!ints>[<index>]

delete 1
del <!ints>[<slice>]

delete 1
del <!dict>[<str>]

delete-name 1
del <!any>

delete-attribute 1
del <!obj>.<x|y|extra|items>

dict-store 7
<!dict>[<str>] = <bounded>

dict-store 3
<!table>[<int>] = <item>

dict-store 1
<!table>[<key>] = <int>

dict-store 1
<!table>[<any>] = <item>

dict-count 4
@v=dict @s=str <v>[<s>] = <v>.get(<s>, 0) + <int>

dict-methods 2
<!dict>.<update(b=2)|pop("a")|pop("a", None)|popitem()|clear()>

dict-methods 1
<!table>.setdefault(<int>, []).append(<int>)

set-methods 4
<!set>.<add|discard|remove>(<int>)

set-methods 1
<!set> <|=|-=|&=> <set>

deque-methods 4
<!deque>.<append|appendleft>(<bounded>)

deque-methods 1
<!deque>.rotate(<count>)

heap-push 4
heapq.heappush(<!heap>, <bounded>)

heap-loop 2
while <!heap> and <bool>:
    <=int> = heapq.heappop(<!heap>)
    <loop>

deque-loop 2
while <!deque>:
    <=int> = <!deque>.<pop|popleft>()
    <loop>

array-store 8
<!array>[<index>] = <num>

array-store 3
<!matrix>[<index>, <index>] = <num>

array-store 1
<!array>[<slice>] = <num>

array-store 1
<!array>.flags.writeable = <False|True>

buffer-store 4
<!buffer>[<index>] = <int> <& 255|% 7| + 0>

buffer-resize 1
<!buffer>.<append(3)|extend(b"ab")|pop()|release()>

attribute-store 6
<!obj>.x = <bounded>

attribute-store 1
<!obj>.<y|extra|value|name> = <item>

attribute-augmented 7
<!obj>.x <+|-|^>= <bounded>

attribute-augmented 2
<!obj>.y <+|*>= <num>

attribute-container 4
<!obj>.items.append(<bounded>)

attribute-container 2
<!obj>.items[<index>] = <bounded>

method-call 5
<!obj>.<step|add>(<int>)

class-change 1
type(<!obj>).<count|count|x> = <int>

class-change 1
@q type(<!obj>).step = lambda self, <q>=1: <int>

class-change 1
<!obj>.__class__ = <cls>

class-change 1
del type(<!obj>).<step|count>

class-change 1
setattr(<!obj>, <"x"|"extra"|"step">, <int>)

unpack 4
<=int>, <=int> = <pair>

unpack 2
<=int>, *<=ints> = <ints>

unpack 1
(<=int>, <=int>), <=int> = <pair>, <int>

unpack 1
<=int>, <=any> = <item>, <any>

unpack 1
[<=int>, *_, <=int>] = <iterable>

effect 8
note(<item>)

effect-call 4
<helper>(<int>)

effect-call 2
<!func>(<int>)

changes-list 3
<grows|shrinks>(<!ints>)

rebinds-global 2
rebind(<item>)

global-store 3
TOTALS[<index>] <+|-|^>= <bounded>

global-store 1
SEEN[<str>] = <bounded>

tracing 1
<trace_on|profile_on|trace_off>()

warns 1
warn(<str>)

random-methods 2
<!random>.<shuffle([1, 2, 3])|seed(3)>

random-methods 2
<!random>.shuffle(<!ints>)

random-module 1
random.<seed(5)|shuffle([1, 2, 3])>

liveness 3
<=obj> = Tracked(<int>)

liveness 1
<!mixed>.append(Tracked(<int>))

liveness 1
<!obj> = None

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

for-zip 1
@q:int @r:str for <q>, <r> in zip(<ints>, <str>, strict=<bool>):
    <loop>

for-pairs 3
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

for-changing-dict 1
@v=dict @q:str for <q> in <v>:
    if <bool>:
        <v>[<str>] = <int>
    <loop>

for-changing-set 1
@v=set @q:int for <q> in <v>:
    <v>.<add|discard>(<int>)

for-target 1
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

reraise 2
@e:any try:
    <block>
except <exceptions> as <e>:
    raise RuntimeError(<str>) <from|from None #> <e>

except-group 1
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

raise 1
raise <ValueError|KeyError|RuntimeError|IndexError|ArithmeticError>(<item>)

raise-if 5
if <bool>:
    raise <ValueError|KeyError|RuntimeError|StopIteration>(<item>)

raise-note 1
@e:any if <bool>:
    <e> = ValueError(<str>)
    <e>.add_note("a note")
    raise <e>

return-early 4
if <bool>:
    return <any>

return-early 1
return <item>

break 4
if <bool>:
    <break>

continue 4
if <bool>:
    <continue>

assert 2
assert <bool>, <printable>

pass 1
pass

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

match-class 1
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

inner-lambda 1
@g:any <g> = [lambda: <int>, lambda: <int>]
<=int> = <g>[<index>]()

inner-generator 1
@g:any @q:int def <g>():
    for <q> in <iterable>:
        yield <int>
<=ints> = list(<g>())[:9]

inner-class 1
class Local:
    x = <int>
    def step(self, k=1):
        return self.x + k
<=int> = Local().step(<int>)

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
