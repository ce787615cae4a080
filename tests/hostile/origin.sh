#!/bin/sh
# origin.sh BUILD SOURCE: a result that would not be finite is an error that names the site and the line where it began.
. "$2/tests/hostile/lib"
models=$2/tests/data/models
echo '{"text": "one two three"}' >p.jsonl
for device in ref cpu; do
    cat >patch.mdx <<END
experiment e
model toy = hf("$models/toy")
prompts p = jsonl("p.jsonl", text: "text")
hook h = layers[0].mlp_out @ end
patch huge = h <- 1e30 * 1e30 * toy.h
run broken = toy on p with huge
run clean = toy on p
metric m = mean(kl(broken, clean))
report table(m)
END
    refuse "an infinite patch on $device" "it begins at toy layers[0].mlp_out: -infinity" "$mdx" run patch.mdx --device="$device"
    refuse "its line on $device" "patch.mdx:5:" "$mdx" run patch.mdx --device="$device"
    sed 's/^metric.*/metric m = mean(entropy(clean))/; s/^report.*/report table(m)\nreport states(broken.layers[1].resid_mid @ all, on: p, as: "s")/' patch.mdx >states.mdx
    refuse "captured states on $device" "it begins at toy layers[0].mlp_out" "$mdx" run states.mdx --device="$device"
done
finish 3
