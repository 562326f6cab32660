/* SPDX-License-Identifier: MIT */
/* SASLprep by libidn, whose tables are RFC 3454's. */
#include "gateway/base/gw_saslprep.h"

#include <string.h>
#include <stringprep.h>

#include "gateway/base/gw_mem.h"

static const struct {
    int rc;
    const char *text;
} problems[] = {
    {STRINGPREP_CONTAINS_PROHIBITED,
     "has a character that SASLprep (RFC 4013) does not allow, such as a control character"},
    {STRINGPREP_BIDI_BOTH_L_AND_RAL,
     "mixes right-to-left with left-to-right letters, which SASLprep (RFC 4013) does not allow"},
    {STRINGPREP_BIDI_LEADTRAIL_NOT_RAL,
     "has right-to-left letters but does not begin and end with one, which SASLprep (RFC 4013) "
     "does not allow"},
    {STRINGPREP_TOO_SMALL_BUFFER, "is too long"},
    {STRINGPREP_ICONV_ERROR, "is no UTF-8 text"},
};

bool gw_saslprep_is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7E)
            return false;
    return true;
}

const char *gw_saslprep(const char *text, char *out)
{
    size_t len = strnlen(text, GW_SASLPREP_SIZE);
    if (len == GW_SASLPREP_SIZE)
        return "is too long";
    memcpy(out, text, len + 1);
    if (gw_saslprep_is_plain(text))
        return NULL;
    const Stringprep_profile_flags all_steps = (Stringprep_profile_flags)0;
    int rc = stringprep(out, GW_SASLPREP_SIZE, all_steps, stringprep_saslprep);
    for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
        if (problems[i].rc == rc)
            return problems[i].text;
    if (rc != STRINGPREP_OK)
        return "cannot be prepared by SASLprep (RFC 4013)";
    return out[0] != '\0' ? NULL : "has nothing left after SASLprep (RFC 4013)";
}

const char *gw_saslprep_problem(const char *text)
{
    char prepared[GW_SASLPREP_SIZE];
    if (gw_saslprep_is_plain(text))
        return NULL;
    const char *why = gw_saslprep(text, prepared);
    gw_wipe(prepared, sizeof(prepared));
    return why;
}
