"""Small templates, each exercising one construct, and the variables that they all get."""

VARIABLES = {
    "x": 5, "y": -3, "f": 2.5, "yes": True, "no": False, "n": None,
    "s": "Hello World", "pad": "  two words \n", "csv": "a,b,,c", "lines": "one\ntwo\r\n\nthree\n",
    "kz": "Қазақ тілі — Әлем", "emoji": "a😀b", "quotes": "it's \"so\"", "html": "<a href=\"x\">'&'</a>",
    "code": "{{ x }} {% if %}", "control": "tab\tbell\u0007del\u007f", "eszett": "Straße", "greek": "ΟΔΟΣ Σ",
    "nums": [3, 1, 2], "empty": [], "words": ["pear", "Apple", "fig", "apple"], "pairs": [["a", 1], ["b", 2]],
    "d": {"b": 2, "a": 1, "C": 3}, "deep": {"a": {"b": [10, {"c": "end"}]}}, "shadow": {"items": "mine", "get": 1, "k": 2},
    "users": [{"name": "Ann", "age": 30, "ok": True}, {"name": "bob", "age": 25, "ok": False}, {"name": "Cy", "age": 30}],
    "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": " Hi "},
                 {"role": "assistant", "content": "Hello"}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
}

SNIPPETS = r'''
plain text
{{ x }}
{{ x }} and {{ y }}
{{ undefined_thing }}|
{{ n }} {{ yes }} {{ no }}
{{ none }} {{ None }} {{ true }} {{ True }} {{ false }} {{ False }}
{# a comment #}text{# another #}
{{ 1 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 0 }} {{ 00 }}
{{ 1.5 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 2.0 }} {{ 1e16 }} {{ 1e15 }} {{ 123456789.123 }} {{ 0.1 + 0.2 }} {{ 1_0.5 }}
{{ 007 }}
{{ 1.e5 }}
{{ 'single' }} {{ "double" }} {{ 'con' 'cat' "enated" }}
{{ 'a\nb\tc\\d\'e\"f' }}
{{ '\x41\u0416\U0001F600\101\0071' }}
{{ '\q\é\z' }}
{{ '\x4' }}
{{ '\ud800' }}
{{ "қазақша" ~ 'й' }}
{{ 'unterminated }}
{{ }}
{{ x
{% if x %}
{% endif %}
{{ x }
{{ $ }}
{{ x y }}
{{ 1 +  }}
{{ (1 }}
{{ [1, 2 }}
{{ {'a' 1} }}
{{ [1, 2, 3,] }} {{ (1, 2) }} {{ (1,) }} {{ () }} {{ [] }} {{ {} }} {{ {'a': 1, 'b': [2]} }}
{{ {'a': {'b': {'c': 1}}} }}
{{ 1, 2 }}
{{ {1: 'a', 2.5: 'b', none: 'c', true: 'd', (1, 2): 'e'} }}
{{ {[]: 1} }}
{{ {'a': 1, 'a': 2} }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ (1 + 2) * 3 }}
{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7 / 2 }} {{ 6 / 2 }}
{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 2.0 ** 0.5 }} {{ 0 ** 0 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 0 ** -1 }}
{{ 'a' + 'b' }} {{ [1] + [2] }} {{ (1,) + (2,) }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + (2,) }}
{{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [1, 2] * 2 }} {{ 'a' * 0 }} {{ 'a' * -1 }}
{{ 'a' * 1.5 }}
{{ 'a' - 'b' }}
{{ n + 1 }}
{{ yes + 1 }} {{ true * 3 }} {{ -true }}
{{ -x }} {{ +x }} {{ - -x }} {{ -f }} {{ -x|abs }} {{ -'a' }}
{{ x ~ y ~ 'z' ~ none ~ 1.0 ~ [1, 'a'] }}
{{ 1 + 1 ~ 2 + 3 }}
{{ 1 ~ 2 * 3 }}
{{ x == 5 }} {{ x != 5 }} {{ x < 6 }} {{ x <= 5 }} {{ x > 5 }} {{ x >= 5 }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 >= 2 }} {{ 1 == 1.0 == true }}
{{ 'a' < 'b' }} {{ 'Z' < 'a' }} {{ [1, 2] < [1, 3] }} {{ (1,) < (1, 0) }} {{ 'é' > 'z' }}
{{ 1 < 'a' }}
{{ n < 1 }}
{{ [] < 1 }}
{{ [1] == [1.0] }} {{ [1] == (1,) }} {{ {'a': 1} == {'a': 1.0} }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }} {{ 'a' == 1 }} {{ none == false }}
{{ 1 in nums }} {{ 9 in nums }} {{ 'a' in d }} {{ 'z' not in d }} {{ 'ell' in s }} {{ '' in s }} {{ 1 in (1, 2) }}
{{ 1 in 'abc' }}
{{ 1 in 5 }}
{{ 1 in none }}
{{ [] in d }}
{{ 'a' in undefined_thing }}
{{ not 1 in nums }} {{ not x }} {{ not not x }}
{{ x and y }} {{ 0 or 'default' }} {{ '' and 1 }} {{ none or false or 0 }} {{ 1 and 2 and 3 }}
{{ yes or no and no }} {{ (yes or no) and no }} {{ not yes or yes }}
{{ 'a' if yes else 'b' }} {{ 'a' if no else 'b' }} {{ 'a' if no }}| {{ 'a' if no else 'b' if no else 'c' }}
{{ ('a' if no) is defined }} {{ (1 if no).x }}
{{ 'a' if x > 3 and y < 0 else 'b' }}
{{ x if y if no else 2 else 3 }}
{{ s[0] }} {{ s[-1] }} {{ s[0:5] }} {{ s[6:] }} {{ s[:-6] }} {{ s[::-1] }} {{ s[::2] }} {{ s[10:2:-3] }} {{ s[100:] }}|
{{ nums[0] }} {{ nums[-1] }} {{ nums[1:] }} {{ nums[::-1] }} {{ nums[:1] }} {{ nums[5:] }} {{ nums[-2:] }} {{ nums[::5] }}
{{ (1, 2, 3)[1:] }} {{ (1, 2, 3)[-1] }}
{{ nums[9] }}| {{ nums['a'] }}| {{ nums[1.0] }}|
{{ nums[::0] }}
{{ nums['a':] }}
{{ d[1:] }}
{{ x[0] }}|
{{ kz[0] }} {{ kz[:5] }} {{ kz[-4:] }} {{ kz|length }} {{ kz[::-1] }} {{ emoji[1] }} {{ emoji[::-1] }} {{ emoji|length }}
{{ d.a }} {{ d['a'] }} {{ d['z'] }}| {{ d.z }}| {{ deep.a.b[1].c }} {{ deep['a']['b'][0] }} {{ nums.0 }} {{ pairs.1.0 }}
{{ deep.z.y }}
{{ undefined_thing.x }}
{{ undefined_thing['x'] }}
{{ undefined_thing[0] }}
{{ undefined_thing() }}
{{ undefined_thing + 1 }}
{{ undefined_thing < 1 }}
{{ undefined_thing ~ 'a' }} {{ undefined_thing == undefined_other }} {{ undefined_thing == none }} {{ undefined_thing or 'x' }}
{{ n.x }}| {{ x.y }}| {{ n['x'] }}|
{{ n.x.y }}
{{ shadow.items() }} {{ shadow['items'] }} {{ shadow.k }} {{ shadow['get'] }} {{ shadow.get('k') }}
{{ d['items'] is defined }} {{ d['nothing'] is defined }} {{ nums['append'] is defined }} {{ d.__class__ is defined }}
{{ d.items() }} {{ d.keys() }} {{ d.values() }} {{ d.get('a') }} {{ d.get('z') }} {{ d.get('z', 0) }} {{ d.keys()|list }}
{{ d.get([]) }}
{{ d.get() }}
{{ d.get(1, 2, 3) }}
{{ d.update({}) }}
{{ d.pop('a') }}
{{ nums.append(4) }}
{{ nums.sort() }}
{{ nums.index(1) }} {{ nums.count(1) }} {{ (1, 1).count(1) }}
{{ nums.index(99) }}
{{ 5() }}
{{ s.nothing }}| {{ s.nothing is defined }}
{{ s.nothing() }}
{% if x %}yes{% endif %}
{% if no %}a{% elif yes %}b{% else %}c{% endif %}
{% if no %}a{% elif no %}b{% else %}c{% endif %}
{% if no %}a{% endif %}|
{% if x == 5 and s %}both{% endif %}
{% if undefined_thing %}a{% else %}b{% endif %}
{% if [] %}a{% elif {} %}b{% elif '' %}c{% elif 0 %}d{% elif 0.0 %}e{% elif none %}f{% elif range(0) %}g{% else %}h{% endif %}
{% if x: %}colon{% endif %}
{% if x %}a{% else %}b{% else %}c{% endif %}
{% elif x %}
{% if x %}{% for i in nums %}{% endif %}{% endfor %}
{% for i in nums %}{{ i }},{% endfor %}
{% for i in [] %}a{% else %}none{% endfor %}
{% for i in nums %}a{% else %}none{% endfor %}
{% for i in nums if i > 1 %}{{ i }}{% endfor %}
{% for i in nums if i > 9 %}{{ i }}{% else %}none{% endfor %}
{% for i in nums if i > 1 %}{{ loop.index }}/{{ loop.length }}:{{ i }} {{ loop.last }};{% endfor %}
{% for i in nums %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }};{% endfor %}
{% for i in nums %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }};{% endfor %}
{% for i in nums %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}
{% for i in nums %}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for i in nums %}{{ loop.cycle() }}{% endfor %}
{% for i in [1, 1, 2, 2, 1] %}{{ loop.changed(i) }}{% endfor %}
{% for i in nums %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.nothing }}{% endfor %}
{% for i in nums %}{{ loop }}{% endfor %}
{% for i in nums %}{% for j in 'ab' %}{{ loop.index }}{{ i }}{{ j }}{% endfor %}{{ loop.index }};{% endfor %}
{% for i in nums %}{% set outer = loop %}{% for j in 'ab' %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}
{% for k in d %}{{ k }}{% endfor %}
{% for a, b in pairs %}{{ a }}{{ b }}{% endfor %}
{% for (a, b) in pairs %}{{ a }}{{ b }}{% endfor %}
{% for a, b, c in pairs %}{% endfor %}
{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for c in 'aб😀' %}[{{ c }}]{% endfor %}
{% for i in 5 %}{% endfor %}
{% for i in none %}{% endfor %}
{% for i in undefined_thing %}a{% else %}b{% endfor %}
{% for i in 1, 2, 3 %}{{ i }}{% endfor %}
{% for i in range(3) %}{{ i }}{% endfor %}{{ i }}|
{% for i in nums %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}
{% for i in nums %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% for i in nums %}{% break %}{% else %}else{% endfor %}
{% for i in nums %}{% continue %}{% else %}else{% endfor %}
{% for i in nums %}{% for j in nums %}{% if j == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}
{% break %}
{% if x %}{% continue %}{% endif %}
{% for i in nums %}{% set v %}{% break %}{% endset %}{{ i }}{% endfor %}|
{% for i in nums %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for loop in nums %}{% endfor %}
{% for i in nums %}{% set loop = 1 %}{% endfor %}
{% for t in [{'n': 1, 'c': [{'n': 2, 'c': []}]}, {'n': 3, 'c': []}] recursive %}{{ t.n }}[{{ loop(t.c) }}]{{ loop.depth }}{% endfor %}
{% for i in nums %}{{ loop(nums) }}{% endfor %}
{% for i in nums|reverse %}{{ loop.length }}{{ i }}{% endfor %}
{% for i in nums|map('string') %}{{ loop.index }}{{ loop.last }}{{ i }}{% endfor %}
{% set ns = namespace(on=true) %}{% for i in nums if ns.on %}{{ i }}{% set ns.on = false %}{% endfor %}
{% set ns = namespace(on=true) %}{% for i in nums if ns.on %}{{ i }}{{ loop.last }}{% set ns.on = false %}{% endfor %}
{% for x in nums if x != loop.index %}{% endfor %}
{% set v = 1 %}{{ v }}
{% set v = 1 %}{% set v = v + 1 %}{{ v }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% set a, b = [1, 2] %}{{ a }}{{ b }}
{% set (a, b) = 'xy' %}{{ a }}{{ b }}
{% set a, b = 1 %}
{% set a, b = [1] %}
{% set v = 1, 2 %}{{ v }}
{% set v %}block {{ x }}{% endset %}{{ v }}|{{ v|length }}
{% set v | upper %}block {{ x }}{% endset %}{{ v }}
{% set v | upper | replace('B', 'c') %}block{% endset %}{{ v }}
{% set 1 = 2 %}
{% set 'a' = 2 %}
{% set true = 2 %}
{% set d.a = 1 %}
{% set undefined_thing.a = 1 %}
{% set f(x) = 1 %}
{% set v = 1 %}{% for i in nums %}{% set v = v + i %}{{ v }} {% endfor %}{{ v }}
{% set v = 1 %}{% if yes %}{% set v = 2 %}{% endif %}{{ v }}
{% if yes %}{% set v = 2 %}{% endif %}{{ v }}
{% for i in nums %}{% if i == 3 %}{% set seen = 1 %}{% endif %}{{ seen is defined }}{% endfor %}
{% for i in nums %}{{ s }}{% set s = 'inner' %}{{ s }}{% endfor %}{{ s }}
{% for i in nums %}{{ s }}{% endfor %}{% set s = 'late' %}{{ s }}
{% macro m() %}{{ s }}{% endmacro %}{{ m() }}{% set s = 'late' %}{{ m() }}
{% set s %}[{{ s }}]{% endset %}{{ s }}
{{ s }}{% set s %}[{{ s }}]{% endset %}{{ s }}
{% if no %}{% set s = 1 %}{% endif %}{{ s }}{% for i in [1] %}{{ s }}{% endfor %}
{% for i in [1] %}{% if no %}{% set s = 1 %}{% endif %}{{ s }}{% endfor %}
{% for i in [1] %}{% for j in [1] %}{{ s }}{% endfor %}{% set s = 2 %}{% endfor %}
{% set v = 1 %}{% set b %}{% set v = 2 %}{{ v }}{% endset %}{{ v }}{{ b }}
{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b is defined }}{{ ns['a'] }}
{% set ns = namespace(a=1, b='x') %}{% for i in nums %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }} {{ ns }}
{% set ns = namespace(a=1) %}{% set ns.a, v = 5, 6 %}{{ ns.a }}{{ v }}
{% set ns = namespace(_a=1) %}
{% set ns = namespace() %}{% set ns._a = 1 %}
{% set ns = namespace() %}{% set ns.v %}block{% endset %}{{ ns.v }}
{{ namespace(1) }}
{{ dict(a=1, b=2) }} {{ dict({'a': 1}, b=2) }} {{ dict([['a', 1]]) }} {{ dict() }}
{{ dict(1) }}
{% macro m() %}hi{% endmacro %}{{ m() }}{{ m() }}
{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=4) }}{{ m(a=7) }}{{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}
{% macro m(a) %}{{ a.b }}{% endmacro %}{{ m() }}
{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(1) }}
{% macro m(a=b, b=1) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, a=3) }}
{% macro m(a) %}{{ a }}{{ varargs|length }}{% endmacro %}{{ m(1, 2, 3) }}
{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body{{ x }}{% endcall %}
{% macro m() %}[{{ caller(1, b=2) }}]{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}
{% macro m() %}[{{ caller() }}]{% endmacro %}{{ m() }}
{% macro m() %}a{% endmacro %}{% call m() %}body{% endcall %}
{% call x %}{% endcall %}
{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}
{% macro m() %}{% set v = 1 %}{{ v }}{% endmacro %}{{ m() }}{{ v is defined }}
{% macro m() %}{{ i }}{% endmacro %}{% for i in nums %}{{ m() }}{% endfor %}|
{% for i in nums %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m() %}{% for i in nums %}{{ loop.index }}{% endfor %}{% endmacro %}{% for j in [1] %}{{ m() }}{% endfor %}
{% macro m() %}  x  {% endmacro %}[{{ m()|trim }}]
{{ m() }}{% macro m() %}{% endmacro %}
{% macro m() %}{% endmacro %}{{ m }} {{ m is callable }}
{% macro m(*a) %}{% endmacro %}
{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}{{ m(1, *[2]) }}
{{ range(*[1, 3])|list }}
{{ range(a=1) }}
{{ d.get(k='a') }}
{{ range(1, 2, b=3, 4) }}
{% filter upper %}text {{ s }}{% endfilter %}
{% filter upper | replace('T', 'd') %}text{% endfilter %}
{% with a=1, b=x %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}
{% with a=1 %}{% with b=a %}{{ b }}{% endwith %}{% endwith %}
{% set a = 9 %}{% with a=1, b=a %}{{ b }}{% endwith %}
{% with %}{% set v = 1 %}{{ v }}{% endwith %}{{ v is defined }}
{% print x, s %}
{% raw %}{{ x }} {% if %}{% endraw %}
{% raw -%}   a {% endraw %}|
a {%- raw %} b {% endraw -%} c
{% raw %}unclosed
{% raw %}
{% raw %}{
{#
{% generation %}a{{ x }}{% set v = 1 %}{% endgeneration %}{{ v is defined }}
{% for i in nums %}{% generation %}{{ i }}{% endgeneration %}{% endfor %}
{% for i in nums %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{# unclosed
{{ '{{' }} {{ '%}' }} {{ "}}" }}
{% set v = {'a': {'b': 1}} %}{{ v }}
a {%- if yes -%} b {%- endif -%} c
a   {{- x -}}   b
a {%+ if yes %} b {% endif %} c
x {# a #} y
{%- if yes %}a{%- else %}b{%- endif %}
{{ s|upper }} {{ s|lower }} {{ 'heLLo wORLD'|capitalize }} {{ 'heLLo wORLD'|title }} {{ kz|upper }} {{ kz|lower }}
{{ "it's a-b (c) [d] {e} <f> g.h"|title }} {{ "it's".title() }} {{ 'a1b'.title() }}
{{ eszett|upper }} {{ eszett|capitalize }} {{ eszett.upper() }} {{ 'ß'|title }} {{ 'ßa'.title() }} {{ greek|lower }} {{ 'Σ'|lower }} {{ 'İ'|lower }} {{ 'ﬁ'|upper }} {{ 'ŉ'|upper }} {{ 'ᾳ'|upper }} {{ 'ǆ'|capitalize }}
{{ x|upper }} {{ n|upper }} {{ [1]|upper }} {{ undefined_thing|upper }}|
[{{ pad|trim }}] [{{ 'xxaxx'|trim('x') }}] [{{ 'xyaxy'|trim('yx') }}] [{{ '\u00a0\u2003a\u3000'|trim }}] [{{ x|trim }}]
[{{ pad.strip() }}] [{{ pad.lstrip() }}] [{{ pad.rstrip() }}] [{{ 'xxa'.lstrip('x') }}] [{{ 'axx'.rstrip('x') }}] [{{ '\n a'.lstrip('\n') }}] [{{ 'a'.strip(none) }}]
{{ 'a'.strip(1) }}
{{ s|length }} {{ nums|length }} {{ d|length }} {{ ''|length }} {{ undefined_thing|length }} {{ range(4)|length }} {{ d.items()|length }} {{ nums|count }}
{{ x|length }}
{{ none|length }}
{{ nums|map('string')|length }}
{{ nums|join }} {{ nums|join(', ') }} {{ 'abc'|join('-') }} {{ users|join(', ', attribute='name') }} {{ []|join(',') }}| {{ [1, none, 'a', undefined_thing, 2.0]|join(',') }} {{ nums|join(1) }}
{{ x|join }}
{{ undefined_thing|default('d') }} {{ ''|default('d') }}| {{ ''|default('d', true) }} {{ none|default('d') }} {{ none|d('d', boolean=true) }} {{ 0|default(1, false) }} {{ undefined_thing|default }}|
{{ undefined_thing.x|default('d') }}
{{ deep.zz|default('none there') }}
{{ d|items|list }} {{ undefined_thing|items|list }}
{{ nums|items }}|
{{ users|selectattr('ok')|map(attribute='name')|list }} {{ users|rejectattr('ok')|map(attribute='name')|list }}
{{ users|selectattr('age', 'equalto', 30)|map(attribute='name')|join(',') }} {{ users|selectattr('age', '>', 26)|list|length }} {{ users|selectattr('ok', 'defined')|list|length }} {{ users|selectattr('name', 'in', ['Ann'])|list|length }}
{{ messages|selectattr('role', 'eq', 'user')|map(attribute='content')|map('trim')|first }}
{{ users|selectattr }}
{{ users|selectattr('age', 'nonsense')|list }}
{{ nums|select('odd')|list }} {{ nums|reject('odd')|list }} {{ [0, 1, '', 'a']|select|list }} {{ [0, 1, none]|reject|list }} {{ nums|select('divisibleby', 3)|list }} {{ words|select('equalto', 'fig')|list }}
{{ nums|map('string')|list }} {{ words|map('upper')|join(' ') }} {{ users|map(attribute='ok', default='?')|list }} {{ pairs|map(attribute=0)|list }} {{ pairs|map(attribute='1')|list }} {{ words|map('replace', 'p', 'q')|list }} {{ words|map('truncate', 2, true, '')|list }} {{ [deep]|map(attribute='a.b.1.c')|list }}
{{ nums|map }}
{{ nums|map('nonsense')|list }}
{{ nums|map(attribute='a', nothing=1)|list }}
{{ []|map|list }}
{{ users|map(attribute='x.y')|list }}
{{ 'abc'|list }} {{ d|list }} {{ (1, 2)|list }} {{ range(3)|list }}
{{ x|list }}
{{ x|string ~ 1 }} {{ [1, 'a']|string }} {{ none|string }} {{ 1.0|string }}
{{ '42'|int }} {{ '42.7'|int }} {{ 'abc'|int }} {{ 'abc'|int(7) }} {{ none|int }} {{ 3.9|int }} {{ -3.9|int }} {{ ' 12 '|int }} {{ '1_000'|int }} {{ '0x1f'|int(0, 16) }} {{ 'ff'|int(base=16) }} {{ '0b11'|int(0, 2) }} {{ '0x1f'|int }} {{ true|int }} {{ '+5'|int }} {{ '--5'|int }} {{ ''|int }} {{ '1e3'|int }} {{ 'inf'|int }} {{ '010'|int }} {{ '٣'|int if no }}
{{ undefined_thing|int }}
{{ '2.5'|float }} {{ 3|float }} {{ 'abc'|float }} {{ 'abc'|float(1.5) }} {{ '1e3'|float }} {{ 'inf'|float }} {{ 'nan'|float }} {{ '1_0.5'|float }} {{ '0x10'|float }} {{ none|float }} {{ true|float }}
{{ -5|abs }} {{ 5.5|abs }} {{ true|abs }}
{{ 'a'|abs }}
{{ 42.55|round }} {{ 42.55|round(1) }} {{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 42.55|round(1, 'floor') }} {{ 42.1|round(method='ceil') }} {{ 5|round }} {{ 5|round(1, 'ceil') }} {{ -2.5|round }} {{ 1234.5|round(-2) }} {{ 1e20|round(2) }}
{{ 1|round(0, 'x') }}
{{ nums|first }} {{ nums|last }} {{ 'abc'|first }} {{ 'abc'|last }} {{ []|first }}| {{ []|last is defined }} {{ d|first }} {{ d|last }} {{ users|map(attribute='name')|first }}
{{ none|first }}
{{ nums|map('string')|last }}
{{ []|first|upper }}|{{ ([]|first).x }}
{{ s|replace('o', '0') }} {{ s|replace('o', '0', 1) }} {{ s|replace('', '-') }} {{ s|replace('z', '') }} {{ 12321|replace(2, 'x') }} {{ 'aaa'|replace('aa', 'b') }} {{ 'ab'|replace('', '-', 2) }}
{{ s|replace('o') }}
{{ html|safe }} {{ html|escape }} {{ html|e }} {{ html|forceescape }} {{ html|safe|escape }} {{ html|escape|forceescape }}
{{ ('<b>'|safe) + '<i>' }} {{ '<b>' + ('<i>'|safe) }} {{ ('<b>'|safe) ~ '<i>' }} {{ ('<b>'|safe) + ('<i>'|safe) }} {{ '<b>'|safe|upper + '<' }} {{ ('<a>'|safe)[0] + '<' }} {{ ('<'|safe) * 2 + '<' }} {{ ('<'|safe).strip() + '<' }} {{ [('<'|safe)] }}
{{ ('a<b'|safe).replace('a', '<') }} {{ ('<'|safe).join(['<', '>'|safe]) }} {{ ('%s<'|safe) % '<' }} {{ ('a b'|safe).split()[0] + '<' }} {{ ('a'|safe)|replace('a', '<') }} {{ ['<'|safe, '<']|join('<') }} {{ ('x'|safe) == 'x' }} {{ '<'|safe|tojson }} {{ ('<'|safe|trim) + '<' }} {{ ('<'|safe|string) + '<' }} {{ 'a' is escaped }} {{ ('a'|safe) is escaped }}
{{ 'a\nb\n\nc'|indent }} {{ 'a\nb'|indent(2) }} {{ 'a\nb'|indent(2, true) }} {{ 'a\n\nb'|indent(2, blank=true) }} {{ 'a\nb'|indent('> ') }} {{ 'a\nb\n'|indent(1) }}| {{ 'a\nb'|indent(first=true) }} {{ ''|indent(first=true) }}|
{{ 5|indent }}
{{ 'foo bar baz qux'|truncate(9) }} {{ 'foo bar baz qux'|truncate(9, true) }} {{ 'foo bar baz qux'|truncate(11) }} {{ 'foo bar baz qux'|truncate(11, false, '...', 0) }} {{ kz|truncate(6, true, '…', 0) }} {{ 'foobarbaz'|truncate(6, leeway=0) }}
{{ 'abc'|truncate(2) }}
[{{ 'ab'|center(7) }}] [{{ 'abc'|center(6) }}] [{{ 'ab'.center(7, '*') }}] [{{ 'ab'.ljust(4) }}] [{{ 'ab'.rjust(4, '.') }}] [{{ 'abcdef'|center(3) }}]
{{ 'one two, three_four  5'|wordcount }} {{ ''|wordcount }} {{ kz|wordcount }}
{{ [3, 1, 2]|sort }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ nums|sort(reverse=true) }} {{ users|sort(attribute='age')|map(attribute='name')|list }} {{ users|sort(attribute='age,name')|map(attribute='name')|list }} {{ users|sort(reverse=true, attribute='age')|map(attribute='name')|list }} {{ d|sort }} {{ 'bca'|sort }}
{{ [1, 'a']|sort }}
{{ d|dictsort }} {{ d|dictsort(true) }} {{ d|dictsort(false, 'value') }} {{ d|dictsort(reverse=true) }} {{ d|dictsort(by='value', reverse=true) }}
{{ d|dictsort(by='nothing') }}
{{ nums|dictsort }}
{{ nums|reverse|list }} {{ 'abc'|reverse }} {{ d|reverse|list }} {{ (1, 2)|reverse|list }} {{ nums|map('string')|reverse }}
{{ 5|reverse }}
{{ nums|sum }} {{ []|sum }} {{ users|sum(attribute='age') }} {{ nums|sum(start=10) }} {{ [1, 2.5]|sum }} {{ [[1], [2]]|sum(start=[]) }}
{{ ['a']|sum }}
{{ nums|min }} {{ nums|max }} {{ words|min }} {{ words|max }} {{ words|max(case_sensitive=true) }} {{ users|max(attribute='age') }} {{ []|max }}|
{{ [1, 2, 1, 3, 2]|unique|list }} {{ words|unique|list }} {{ words|unique(case_sensitive=true)|list }} {{ users|unique(attribute='age')|map(attribute='name')|list }}
{{ [[1], [1]]|unique|list }}
{{ [1, 2, 3, 4, 5]|batch(2)|list }} {{ [1, 2, 3]|batch(2, 'x')|list }} {{ [1, 2, 3, 4, 5]|slice(2)|list }} {{ [1, 2, 3, 4, 5]|slice(3, 'x')|list }}
{{ [1, 2, 3]|batch(0)|list }} {{ [1, 2]|batch(-1)|list }} {{ []|batch(2)|list }} {{ [1]|batch(3, 'x')|list }}
{{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '٣'.isdecimal() }} {{ '½'.isdigit() }} {{ '½'.isalnum() }} {{ 'Ⅷ'.isupper() }} {{ 'ⓐ'.swapcase() }}
{% for row in nums|batch(2) %}{{ row|join('+') }};{% endfor %}
{{ '%s is %d years, %.2f %5s|%-5s|%05d %x %%' % ('Ann', 30, 1.5, 'a', 'b', 42, 255) }}
{{ '%s' % 'a' }} {{ '%s' % [1, 2] }} {{ '%s %s'|format('a', 1) }} {{ '%(a)s-%(b)s' % {'a': 1, 'b': 2} }} {{ '%(a)s'|format(a=5) }} {{ '%r' % 'x' }} {{ '%+d % d %i' % (1, 2, 3.9) }} {{ '%e %g %G' % (12345.678, 0.00001, 1e20) }} {{ '%c%c' % ('a', 98) }} {{ '%5.1f|%-8.3e|' % (3.14159, 2.5) }} {{ '%#x %#o %X' % (255, 8, 255) }} {{ '%.3s|%.0f' % ('abcdef', 2.5) }} {{ '%*d' % (5, 42) }} {{ '%+05d' % 42 }} {{ '%s' % none }} {{ 'plain' % {} }} {{ '%s' % undefined_thing }}|
{{ '%s %s' % 'a' }}
{{ '%s' % (1, 2) }}
{{ '%d' % 'a' }}
{{ '%y' % 1 }}
{{ '%(z)s' % {'a': 1} }}
{{ 'a' % 1 }}
{{ '%' % 1 }}
{{ d|tojson }} {{ [1, 2.5, true, none, 'a"b\\c\n/é😀'] | tojson }} {{ 'x'|tojson }} {{ control|tojson }} {{ html|tojson }} {{ {}|tojson }} {{ []|tojson }} {{ (1, 2)|tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }}
{{ deep|tojson(indent=2) }}
{{ tools|tojson(indent=4) }} {{ []|tojson(indent=2) }} {{ {}|tojson(indent=2) }} {{ [[]]|tojson(indent=1) }} {{ [1]|tojson(indent=0) }} {{ [1]|tojson(indent='\t') }}
{{ d|tojson(sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ kz|tojson(ensure_ascii=true) }} {{ emoji|tojson(ensure_ascii=true) }} {{ d|tojson(indent=2, separators=(' ,', ' : '), sort_keys=true) }} {{ control|tojson(ensure_ascii=true) }}
{{ 'inf'|float|tojson }} {{ 1e400|tojson if no }} {{ 1e22|tojson }}
{{ undefined_thing|tojson }}
{{ range(3)|tojson }}
{{ {(1, 2): 3}|tojson }}
{{ d|tojson(2, 3, 4, 5, 6) }}
{{ d|tojson(nothing=1) }}
{{ x|nonsense }}
{% if no %}{{ x|nonsense }}{% endif %}ok
{{ 1 if yes else x|nonsense }}
{% if no %}{% for i in nums %}{{ x|nonsense }}{% endfor %}{% endif %}ok
{% if no %}{{ x is nonsense }}{% endif %}ok
{{ x is nonsense }}
{{ x is defined }} {{ undefined_thing is defined }} {{ undefined_thing is undefined }} {{ x is not defined }} {{ d.z is defined }} {{ n is defined }}
{{ n is none }} {{ x is none }} {{ x is not none }} {{ undefined_thing is none }}
{{ s is string }} {{ x is string }} {{ d is mapping }} {{ nums is mapping }} {{ nums is iterable }} {{ s is iterable }} {{ x is iterable }} {{ undefined_thing is iterable }} {{ d is iterable }}
{{ nums is sequence }} {{ s is sequence }} {{ d is sequence }} {{ x is sequence }} {{ undefined_thing is sequence }} {{ (1,) is sequence }} {{ range(2) is sequence }} {{ d.items() is sequence }} {{ nums|map('string') is sequence }} {{ nums|map('string') is iterable }} {{ namespace() is mapping }} {{ namespace() is iterable }}
{{ x is number }} {{ f is number }} {{ yes is number }} {{ s is number }} {{ x is integer }} {{ f is integer }} {{ yes is integer }} {{ f is float }} {{ x is float }} {{ yes is boolean }} {{ x is boolean }}
{{ yes is true }} {{ no is false }} {{ 1 is true }} {{ no is true }} {{ n is false }}
{{ 3 is odd }} {{ 4 is even }} {{ 4 is odd }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(4) }} {{ -1 is odd }}
{{ 'a' is odd }}
{{ x is equalto 5 }} {{ x is eq(5) }} {{ x is ne 5 }} {{ x is gt 4 }} {{ x is lt(4) }} {{ x is ge 5 }} {{ x is le 5 }} {{ x is greaterthan 1 }} {{ x is lessthan 1 }} {{ x is sameas 5 }} {{ yes is sameas true }} {{ 1 is sameas true }} {{ nums is sameas nums }} {{ nums is sameas [3, 1, 2] }}
{{ 1 is in nums }} {{ 9 is not in nums }} {{ 'a' is in 'abc' }} {{ 'a' is in d }}
{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aBc' is lower }} {{ '1' is lower }} {{ 'қ' is lower }} {{ 'upper' is filter }} {{ 'nonsense' is filter }} {{ 'odd' is test }} {{ 'nonsense' is test }} {{ range is callable }} {{ x is callable }} {{ s.upper is callable }}
{{ x is string or x is number }} {{ x is defined and x }} {{ not x is string }} {{ x is not string }} {{ (x is number) == true }} {{ x + 1 is number }} {{ 'a' if x is defined else 'b' }}
{{ x is defined is true }}
{{ x is }}
{{ x is divisibleby }}
{{ users is selectattr }}
{{ csv.split(',') }} {{ csv.split(',', 1) }} {{ 'a  b c'.split() }} {{ ' a b  c '.split(none, 1) }} {{ ' a b  c '.split(maxsplit=1) }} {{ 'abc'.split('x') }} {{ ''.split(',') }} {{ ''.split() }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b c '.rsplit(none, 1) }} {{ 'a b'.split(sep=' ') }} {{ 'aXXbXXc'.split('XX') }} {{ csv.split(',')[-1] }} {{ 'a,b'.split(',', 0) }} {{ 'abab'.rsplit('b') }}
{{ 'a'.split('') }}
{{ '</think>x</think>y'.split('</think>')[-1].lstrip('\n') }}
{{ lines.splitlines() }} {{ lines.splitlines(true) }} {{ 'a\x0bb\x1cc\u2028d\x85e'.splitlines() }} {{ ''.splitlines() }} {{ '\n'.splitlines() }}
{{ s.startswith('Hello') }} {{ s.startswith('x') }} {{ s.startswith(('x', 'H')) }} {{ s.endswith('World') }} {{ s.endswith(('d', 'x')) }} {{ s.startswith('World', 6) }} {{ s.startswith('') }} {{ s.endswith('Hello', 0, 5) }} {{ 'a'.startswith('', 2) }}
{{ s.startswith(1) }}
{{ s.startswith(['H']) }}
{{ s.find('o') }} {{ s.find('o', 5) }} {{ s.rfind('o') }} {{ s.find('z') }} {{ kz.find('тілі') }} {{ s.index('W') }} {{ s.count('o') }} {{ s.count('') }} {{ 'aaa'.count('aa') }} {{ s.find('') }} {{ s.find('', 99) }} {{ s.rfind('o', 0, 5) }} {{ s.find('o', -4) }} {{ s.rindex('l') }}
{{ s.index('z') }}
{{ s.upper() }} {{ s.lower() }} {{ s.swapcase() }} {{ s.capitalize() }} {{ 'hello world'.title() }} {{ "they're".title() }}
{{ s.replace('o', '0') }} {{ s.replace('o', '0', 1) }} {{ s.replace('', '.') }} {{ s.replace('l', '', -1) }}
{{ s.replace('o') }}
{{ s.replace(1, 2) }}
{{ ', '.join(['a', 'b']) }} {{ ''.join('abc') }} {{ '-'.join(d) }} {{ '-'.join(words|map('upper')) }}
{{ ','.join([1]) }}
{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }} {{ 'abc'.rpartition('=') }} {{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.txt'.removesuffix('.txt') }} {{ 'x'.removesuffix('') }}
{{ 'abc'.isalpha() }} {{ 'ab1'.isalnum() }} {{ '12'.isdigit() }} {{ ' '.isspace() }} {{ ''.isspace() }} {{ 'A'.isupper() }} {{ 'a'.islower() }} {{ 'қ'.isalpha() }} {{ 'a'.isascii() }} {{ '12'.isdecimal() }} {{ ''.isalpha() }} {{ 'a\n'.isprintable() }} {{ '1a'.isdigit() }} {{ 'A1'.isupper() }} {{ '1'.isupper() }}
{{ s.upper(1) }}
{{ s.upper }}
{{ range(5)|list }} {{ range(2, 5)|list }} {{ range(10, 0, -3)|list }} {{ range(0)|list }} {{ range(3) }} {{ range(1, 9, 2) }} {{ range(5)[2] }} {{ range(5)[-1] }} {{ 3 in range(5) }} {{ range(3) == range(3) }} {{ range(5)|last }}
{{ range(1, 5, 0) }}
{{ range(100001)|list|length }}
{{ range(100000)|length }}
{{ range('a') }}
{{ range() }}
{{ range(1.5) }}
{{ raise_exception('stop') }}
{% if no %}{{ raise_exception('stop') }}{% endif %}ok
{{ raise_exception() }}
{{ strftime_now is defined }} {{ raise_exception is defined }} {{ range is defined }} {{ lipsum is defined }}
{{ quotes }} {{ [quotes] }} {{ ['a\'b'] }} {{ ['a"b'] }} {{ ['\n\t\\'] }} {{ ['қ😀\u200b\x07\xad'] }} {{ {'k': 'v'} }} {{ [none, true, 1.0, (1,), {}] }} {{ [undefined_thing] }}
{{ code }} {{ html }}
{{ 1e100 }} {{ 1.0e-10 }} {{ 100000000000000000.0 }} {{ 3.0 }} {{ -0.0 }} {{ 1e23 }} {{ 5e-324 }} {{ 1.7976931348623157e308 }} {{ 0.00001 }} {{ 0.0001 }}
{{ nums|map('string')|join if nums|map('string') else 'empty' }}
{% set g = nums|map('string') %}{{ g|join }}|{{ g|join }}|
{% set g = nums|map('string') %}{{ g|first }}{{ g|list }}
{% set g = nums|select('odd') %}{{ 'yes' if g else 'no' }}{{ g|list }}{{ 'yes' if g else 'no' }}
{% set g = [1, 2, 3, 4]|map('string') %}{% for i in g %}{{ i }}{% if i == '2' %}{% break %}{% endif %}{% endfor %}{{ g|list }}
{{ '1' in nums|map('string') }}
{{ (nums|map('string'))[0] }}|
{{ messages[0]['role'] }} {{ messages[-1].content }} {{ messages[1:]|length }} {{ messages|length - 1 }}
{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}ok{% else %}no{% endif %}{% endfor %}
{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% endif %}{{ system_message }}{{ loop_messages|length }}
{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] | trim + '<|end|>\n' }}{% endfor %}
{%- set found = namespace(value=false) -%}{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set found.value = true -%}{%- endif -%}{%- endfor -%}{{ found.value }}
{% include 'x' %}
{% extends 'x' %}
{% import 'x' as y %}
{% from 'x' import y %}
{% nonsense %}
{% endfor %}
{% if %}x{% endif %}
{% for %}{% endfor %}
{% for x nums %}{% endfor %}
{% set %}
{% macro %}{% endmacro %}
{% 5 %}
{% if x %}a{% endfor %}
{{ x if }}
{{ x. }}
{{ x.'a' }}
{{ x[] }}
{{ x | }}
{{ x is not }}
{{ f(a=1, 2) }}
{{ not }}
{{ a.b.c }}
{{ 'a' 'b' + 'c' }}
{{ x;y }}
{{ x ! y }}
{{ "a" == 'a' and 'b' != "c" }}
{{ [[1, 2], [3, 4]][1][0] }} {{ {'a': [1, {'b': 'c'}]}['a'][1].b }} {{ 'abc'.upper()[0].lower() }} {{ ('a' ~ 'b').upper() }} {{ (x + 1)|string|length }} {{ [1, 2]|join('-')|upper|replace('-', '+') }}
{{ {'a': 1}.a }} {{ [1].0 }} {{ 'x'.upper() }} {{ 5.0.x }}|
{{ x.0.1 }}
{{ nums[0:2][1] }} {{ nums[x - 5] }} {{ d[words[1]|lower] }}|{{ s[1:x] }} {{ s[:none] }} {{ s[yes:] }}
'''


def _several_lines():
    # Templates about white space, and everything else that needs line ends.
    return [
        "a\n{% if yes %}\nb\n{% endif %}\nc\n", "a\n  {% if yes %}\n  b\n  {% endif %}\nc", "  {%+ if yes +%}\nb{% endif %}\n",
        "{{ x }}\n{{ y }}\n  {{ x }}\n", "{% for i in nums -%}\n  {{ i }}\n{%- endfor %}\n",
        "{% for i in nums %}\n  - {{ i }}\n{% endfor %}\n", "  {# comment #}\nx\n", "  {#- comment -#}\nx\n",
        "  {#+ comment +#}\nx\n", "  {% set v = 1 %}  \nz\n", "  text {% set v = 1 %}\nz\n", "{{ 'a' -}}\n\n{{- 'b' }}\n",
        "\n\n{{ x }}\n\n", "a\r\n{% if yes %}\r\nb\r\n{% endif %}\r\nc\r\n", "a\rb\r", "\ttab {%- if yes %}\n\tb{% endif %}",
        "{% raw %}\n x\n{% endraw %}\ny", "{% raw -%}\n x\n  {%- endraw %}\ny", "x\n   {% raw %} y {% endraw %}   \nz",
        "{% filter indent(2) %}a\nb{% endfilter %}", "{{ 'line\\\ncontinued' }}", "{{ 'two\nlines' }}", "{# a\nb #}\nc",
        "{{\n  x\n  +\n  1\n}}", "{%\n  if yes\n%}a{%\n  endif\n%}", "a {{ x -}} \n\t b", "\u00a0{%- if yes %}\u2003a{% endif -%}\u3000b",
        "{% if yes -%}\n\n   a\n\n{%- endif %}\n\n", "{% if yes %}{% if yes %}\n  a\n{% endif %}\n  {% endif %}b",
        "{%- macro m(a) -%}\n  [{{ a }}]\n{%- endmacro -%}\n{{ m(1) }}\n{{ m(2) }}", "line\n\n\n", "\n", "", "   ", " {%- set a = 1 -%} ",
        "{% set v %}\n  a\n{% endset %}[{{ v }}]", "  {% raw %}{{ x }}{% endraw %}\n", "{{ x }}\n\n{#- c #}\n{{ y }}",
        "{%- for m in messages %}\n    {%- if loop.first %}\n        {{- 'first' }}\n    {%- endif %}\n    {{- m.role }}\n{%- endfor %}\n",
        "\ufeff{{ x }}", "{% if x %}\n{# note #}\n  {{ x }}\n{% endif %}", "{{ x }}{% if x %}\n{% endif %}\n{{ y }}\n",
    ]


TEMPLATES = [line for line in SNIPPETS.strip("\n").split("\n") if line.strip()] + _several_lines()
