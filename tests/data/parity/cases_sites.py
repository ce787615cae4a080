"""cases_sites.py: every site of every model, and the tokens of every prompt."""
from fixture import Fixture
from hf import LAYER_SITES, Model

# What is reported behind the sweep over layers and sites: file, site, positions.
SINGLE = [("embed", "embed", "end"), ("final_norm", "final_norm", "end"), ("logits", "logits", "end"),
          ("logits-first", "logits", ("first", 1))]


def sites(name, model, file, chat, swept, all_of_one=False):
    model = Model(model)
    prompts = model.prompts(file, chat)
    out = Fixture(name)
    out.stream(f"p/{model.name}", prompts)
    for p in prompts:
        model.check(p.ids)
    traces = [model.run_clean(p.ids) for p in prompts]

    def report(file, point, site, layer, where, limit=None):
        what = f"{model.name} {site}" if layer is None else f"{model.name} layers[{layer}].{site}"
        rows = [(p.at(where), t.get(site, layer or 0)[p.at(where)]) for p, t in zip(prompts[:limit], traces)]
        out.states(file, point, what, [p.id for p in prompts[:limit]], rows)

    report("embed", {}, "embed", None, "end")
    for layer in range(model.layers):
        for site in LAYER_SITES:
            for file, where in swept:
                report(file, {"layer": layer, "site": site}, site, layer, where)
            if all_of_one:
                report("all", {"layer": layer, "site": site}, site, layer, "all", 1)
    for file, site, where in SINGLE[1:]:
        report(file, {}, site, None, where)
    if all_of_one:
        report("logits-all", {}, "logits", None, "all", 1)
    out.save()


TWO = [("end", "end"), ("first", ("first", 1))]
CASES = {
    "sites-base": lambda name: sites(name, "base", "chat.jsonl", True, TWO),
    "sites-tuned": lambda name: sites(name, "tuned", "chat.jsonl", True, TWO),
    "sites-stories": lambda name: sites(name, "stories", "raw.jsonl", False, TWO + [("zeroth", 0)]),
    "sites-toy": lambda name: sites(name, "toy", "raw.jsonl", False, TWO, all_of_one=True),
}
