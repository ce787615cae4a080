#!/bin/sh
# model.sh BUILD SOURCE: config.json files that lie, weights that do not fit, prompts that are broken.
. "$2/tests/hostile/lib"
base=$source/examples/models/steppe/base
echo '{"text": "Who is it?"}' >p.jsonl
spec

# config OLD NEW EXPECTED: the example's config.json with one change.
config() {
    model m
    rm m/config.json
    sed "s|$1|$2|" "$base/config.json" >m/config.json
    cmp -s m/config.json "$base/config.json" && { echo "nothing changed: $1"; failed=$((failed + 1)); }
    refuse "config $2" "$3" "$mdx" check s.mdx
}
config '"num_hidden_layers": 6' '"num_hidden_layers": 0' "'num_hidden_layers' is 0, expected a whole number from 1"
config '"num_hidden_layers": 6' '"num_hidden_layers": -1' "'num_hidden_layers' is -1"
config '"num_hidden_layers": 6' '"num_hidden_layers": 1e18' "'num_hidden_layers' is 1e+18"
config '"num_hidden_layers": 6' '"num_hidden_layers": 2.5' "'num_hidden_layers' is 2.5"
config '"num_hidden_layers": 6' '"num_hidden_layers": "6"' "'num_hidden_layers' is a string, expected a whole number"
config '"num_hidden_layers": 6' '"num_hidden_layers": null' "'num_hidden_layers' is missing"
config '"num_hidden_layers": 6' '"num_hidden_layers": [6]' "'num_hidden_layers' is a list"
config '"num_attention_heads": 4' '"num_attention_heads": 3' "which does not divide"
config '"num_key_value_heads": 2' '"num_key_value_heads": 3' "which does not divide"
config '"head_dim": 32' '"head_dim": 31' "expected an even size"
config '"head_dim": 32' '"head_dim": 1000000' "are too wide"
config '"hidden_size": 128' '"hidden_size": 4294967297' "'hidden_size' is 4294967297"
config '"vocab_size": 2048' '"vocab_size": 0' "'vocab_size' is 0"
config '"rms_norm_eps": 1e-05' '"rms_norm_eps": -1' "'rms_norm_eps' is -1"
config '"tie_word_embeddings": true' '"tie_word_embeddings": 1' "'tie_word_embeddings' is a number, expected true or false"
config '"hidden_act": "silu"' '"hidden_act": "gelu"' "'hidden_act' is 'gelu', supported: silu"
config '"rope_type": "default"' '"rope_type": "linear"' "RoPE scaling of type 'linear' is not supported"
config '"rope_type": "default"' '"rope_type": "dynamic"' "RoPE scaling of type 'dynamic' is not supported"
config '"rope_type": "default"' '"rope_type": "llama3"' "'factor' is missing"
config '"rope_theta": 10000.0' '"rope_theta": "big"' "'rope_theta' is a string"
config '"LlamaForCausalLM"' '"GPT2LMHeadModel"' "the architecture 'GPT2LMHeadModel' is not known; known: LlamaForCausalLM"
config '"LlamaForCausalLM"' '7' "expected a list with the model's class"
config '"architectures"' '"architects"' "'architectures' is missing"
config '"vocab_size": 2048' '"vocab_size": 2048,' "not valid JSON from here"
rm -f m/config.json && printf '[1, 2]' >m/config.json
refuse "config is a list" "is a list, expected an object" "$mdx" check s.mdx
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "[" }' >m/config.json
refuse "config of brackets" "not valid JSON" "$mdx" check s.mdx
printf '{"architectures": ["Llama\377"]}' >m/config.json
refuse "config with bad UTF-8" "not valid UTF-8" "$mdx" check s.mdx
printf '' >m/config.json
refuse "empty config" "not valid JSON" "$mdx" check s.mdx
rm m/config.json
refuse "no config" "there is no config.json in this folder" "$mdx" check s.mdx

# weights OLD NEW: shapes that the weights have not.
weights() {
    model m
    rm m/config.json
    sed "s|$1|$2|" "$base/config.json" >m/config.json
    refuse "weights for $2" "$3" "$mdx" run s.mdx --write off
}
weights '"intermediate_size": 352' '"intermediate_size": 353' "the model needs [353, 128]"
weights '"num_hidden_layers": 6' '"num_hidden_layers": 7' "there is no tensor 'model.layers.6.input_layernorm.weight'"
weights '"tie_word_embeddings": true' '"tie_word_embeddings": false' "there is no tensor 'lm_head.weight'"
weights '"vocab_size": 2048' '"vocab_size": 2049' "the model needs [2049, 128]"
model m
rm m/model.safetensors
refuse "no weights" "neither m/model.safetensors nor m/model.safetensors.index.json is there" "$mdx" run s.mdx --write off
head -c 100000 "$base/model.safetensors" >m/model.safetensors
refuse "half of the weights" "cut short?" "$mdx" run s.mdx --write off
rm m/model.safetensors
touch m/pytorch_model.bin
refuse "other weights" "only safetensors is read" "$mdx" run s.mdx --write off
model m
rm m/tokenizer.json
refuse "no tokenizer" "tokenizer.json" "$mdx" run s.mdx --write off

# line TEXT EXPECTED: a prompts file whose line 777 is TEXT.
model m
line() {
    awk -v n=1000 -v text="$1" 'BEGIN { for (i = 1; i <= n; i++) if (i == 777) print text; else printf "{\"id\": \"p%d\", \"text\": \"x\"}\n", i }' >p.jsonl
    refuse "line 777: $1" "p.jsonl:777:" "$mdx" run s.mdx --write off
    grep -qF -- "$2" err.txt || { echo "line 777: $1: expected $2"; cat err.txt; failed=$((failed + 1)); }
}
line '{"id": "a", "text": "x"' "not valid JSON"
line '{"id": "a"}' "there is no field 'text'"
line '{"id": "a", "text": 3}' "'text' is a number, expected a string"
line '{"id": "a", "text": ""}' "'text' is empty"
line '["a"]' "this is a list, expected an object"
line '{"id": "p3", "text": "x"}' "the id 'p3' stands in line 3 already"
line '{"id": {}, "text": "x"}' "'id' is an object, expected a string or a number"
line '{"id": "a", "text": "a\\u0000b"}' "is not accepted"
printf '\n\n' >p.jsonl
refuse "no prompt" "there is no prompt in this file" "$mdx" run s.mdx --write off
printf '{"text": "x\377"}\n' >p.jsonl
refuse "prompt with bad UTF-8" "p.jsonl:1:12: not valid UTF-8" "$mdx" run s.mdx --write off
echo '{"text": "x"}' >p.jsonl
spec ', chat: true'
model m
rm m/tokenizer_config.json
refuse "no chat template" "has no chat template" "$mdx" run s.mdx --write off
printf '{"chat_template": "{%% for m in messages %%}"}' >m/tokenizer_config.json
refuse "a broken chat template" "chat_template" "$mdx" run s.mdx --write off
printf '{"chat_template": "fixed text"}' >m/tokenizer_config.json
refuse "a template without the text" "p.jsonl:1" "$mdx" run s.mdx --write off
spec
cat >>s.mdx <<'X'
metric f = mean(cosine(m.layers[0].z @ first(9), m.layers[0].z @ last(9), on: p))
report table(f)
X
model m
refuse "too short a prompt" "prompt line 1 has 1 tokens of content, first(k) needs 9" "$mdx" run s.mdx --write off
spec
printf 'mapper M = from_file("x.safetensors")\nmetric f = mean(cosine(M(m.embed @ end), m.embed @ end, on: p))\nreport table(f)\n' >>s.mdx
printf 'no' >x.safetensors
refuse "a map that is no file of tensors" "a safetensors file has at least 8" "$mdx" run s.mdx --write off
cp "$base/model.safetensors" x.safetensors
refuse "a map without W" "a map needs the tensors W [in, out] and b [out]" "$mdx" run s.mdx --write off
finish 50
