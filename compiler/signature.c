// signature.c: reading signatures, matching arguments to them.
#include "compiler/signature.h"

const char *const param_words[PARAM_TYPES] = {
#define MDX_PARAM(type, words) [PARAM_##type] = words,
#include "compiler/param.def"
};

static const char *const param_names[PARAM_TYPES] = {
#define MDX_PARAM(type, words) [PARAM_##type] = #type,
#include "compiler/param.def"
};

static Str trimmed(Str s) {
    while (s.len && s.at[0] == ' ') s = str_part(s, 1, s.len);
    while (s.len && s.at[s.len - 1] == ' ') s.len--;
    return s;
}

Str signature_part(Str *rest, char separator) {
    size_t end = 0;
    for (int depth = 0; end < rest->len; end++) {
        depth += (rest->at[end] == '[') - (rest->at[end] == ']');
        if (!depth && rest->at[end] == separator) break;
    }
    Str part = str_part(*rest, 0, end);
    *rest = str_part(*rest, end + 1, rest->len);
    return trimmed(part);
}

static ParamType type_named(Str name) {
    for (int i = 0; i < PARAM_TYPES; i++)
        if (str_is(name, param_names[i])) return (ParamType)i;
    BUG("a signature names a type that param.def has not");
}

static Param param_read(Str text) {
    Param param = {.required = true};
    param.name = signature_part(&text, ':');
    Str type = signature_part(&text, '=');
    param.otherwise = trimmed(text);
    if (str_ends(type, STR("?"))) {
        type.len--;
        param.required = false;
    } else if (str_ends(type, STR("..."))) {
        type.len -= 3;
        param.many = true;
    }
    if (param.otherwise.len) param.required = false;
    bool words = type.len && memchr(type.at, '|', type.len);
    param.words = words ? type : STR("");
    param.type = words ? PARAM_word : type_named(type);
    return param;
}

Signature signature_read(const char *name, const char *text, const char *what) {
    Signature signature = {.name = name, .text = text, .what = what};
    for (Str rest = trimmed(str_of(text)); rest.len;) {
        MUST(signature.count < MOST_PARAMS);
        signature.params[signature.count++] = param_read(signature_part(&rest, ','));
    }
    return signature;
}

static const Param *param_named(const Signature *signature, Str name) {
    for (size_t i = 0; i < signature->count; i++)
        if (str_eq(signature->params[i].name, name)) return &signature->params[i];
    return NULL;
}

const Param *signature_param(const Signature *signature, const Ast *call, size_t i) {
    Str label = call->kids.at[i]->label;
    if (label.len) return param_named(signature, label);
    for (size_t p = 0; p < signature->count; p++)
        if (p == i || signature->params[p].many) return &signature->params[p];
    return NULL;
}

static void unknown_argument(const Signature *signature, const Ast *argument, Diags *diags) {
    StrList names = {0};
    for (size_t i = 0; i < signature->count; i++) list_push(diags->arena, &names, signature->params[i].name);
    Diag *diag = diag_error(diags, argument->label_span, "%s has no argument '%.*s'", signature->name,
                            STR_ARG(argument->label));
    if (!names.len)
        diag_help(diags, diag, "%s takes no arguments", signature->name);
    else
        diag_suggest(diags, diag, argument->label, &names, 8);
}

static bool too_many(const Signature *signature, const Ast *argument, Diags *diags) {
    Diag *diag = diag_error(diags, argument->span, "one argument too many for %s", signature->name);
    diag_help(diags, diag, signature->count ? "%s(%s)" : "%s takes no arguments%s", signature->name, signature->text);
    return false;
}

static bool place_argument(const Signature *signature, const Ast *argument, const Param *param, Diags *diags,
                           const Ast *out[MOST_PARAMS]) {
    size_t i = (size_t)(param - signature->params);
    if (!out[i]) {
        out[i] = argument;
        return true;
    }
    if (param->many) return true;
    Diag *diag = diag_error(diags, argument->span, "%s gets '%.*s' twice", signature->name, STR_ARG(param->name));
    diag_also(diags, diag, out[i]->span, "first given here");
    return false;
}

bool signature_match(const Signature *signature, const Ast *call, Diags *diags, const Ast *out[MOST_PARAMS]) {
    memset(out, 0, MOST_PARAMS * sizeof *out);
    bool ok = true, labelled = false;
    size_t next = 0; // the param of the next argument without a label
    for (size_t i = 0; i < call->kids.len; i++) {
        const Ast *argument = call->kids.at[i];
        const Param *param = NULL;
        if (argument->label.len) {
            labelled = true;
            param = param_named(signature, argument->label);
            if (!param) unknown_argument(signature, argument, diags);
        } else if (labelled) {
            diag_error(diags, argument->span, "an argument without a name stands behind one with a name");
        } else if (next < signature->count) {
            param = &signature->params[next];
            if (!param->many) next++;
        } else {
            too_many(signature, argument, diags);
        }
        ok &= param && place_argument(signature, argument, param, diags, out);
    }
    for (size_t i = 0; i < signature->count && ok; i++) {
        if (!signature->params[i].required || out[i]) continue;
        Diag *diag = diag_error(diags, call->span, "%s lacks '%.*s': %s", signature->name,
                                STR_ARG(signature->params[i].name), param_words[signature->params[i].type]);
        diag_help(diags, diag, "%s(%s)", signature->name, signature->text);
        ok = false;
    }
    return ok;
}
