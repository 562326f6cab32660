/* SPDX-License-Identifier: MIT */
/* Commands on their way out, and the queue of those in flight. */
#include <string.h>

#include "gateway/base/gw_check.h"
#include "smtp/address.h"
#include "smtp/session_impl.h"

void smtp_session_expect(struct smtp_session *s, enum smtp_command command)
{
    CHECK(s->n_in_flight < SMTP_MAX_IN_FLIGHT);
    size_t at = (s->first_in_flight + s->n_in_flight) % SMTP_MAX_IN_FLIGHT;
    s->in_flight[at] = (uint8_t)command;
    s->n_in_flight++;
}

enum smtp_command smtp_session_pop(struct smtp_session *s)
{
    CHECK(s->n_in_flight > 0);
    enum smtp_command command = (enum smtp_command)s->in_flight[s->first_in_flight];
    s->first_in_flight = (s->first_in_flight + 1) % SMTP_MAX_IN_FLIGHT;
    s->n_in_flight--;
    return command;
}

bool smtp_session_data_in_flight(const struct smtp_session *s)
{
    /* DATA ends a flight. */
    size_t last = (s->first_in_flight + s->n_in_flight + SMTP_MAX_IN_FLIGHT - 1);
    return s->n_in_flight > 0 && s->in_flight[last % SMTP_MAX_IN_FLIGHT] == SMTP_CMD_DATA;
}

/* Octets at and above 0x80 come only out of a path, where smtp_session_path_is_sound() has asked
 * for SMTPUTF8. */
static bool is_command_text(const char *p, size_t len)
{
    unsigned bad = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        bad |= (unsigned)(c < 0x20) | (unsigned)(c == 0x7F);
    }
    return bad == 0;
}

bool smtp_session_command(struct smtp_session *s, enum smtp_command command, size_t max,
                          const char *const *parts, size_t n_parts)
{
    const size_t start = s->out.len;
    bool sound = true;

    for (size_t i = 0; i < n_parts && sound; i++)
        sound = gw_buf_add_str(&s->out, parts[i]) == GW_OK;
    sound = sound && is_command_text(s->out.data + start, s->out.len - start);
    sound = sound && gw_buf_add_str(&s->out, "\r\n") == GW_OK && s->out.len - start <= max;
    if (sound)
        smtp_session_expect(s, command);
    else
        s->out.len = start;
    return sound;
}

const char *smtp_session_decimal(uint64_t n, char text[SMTP_DECIMAL_SIZE])
{
    char *p = text + SMTP_DECIMAL_SIZE - 1;
    *p = '\0';
    do
        *--p = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    return p;
}

static bool ends_path(unsigned char c)
{
    return c == ' ' || c == '<' || c == '>' || c == '\\' || c == ',' || c == ';';
}

bool smtp_session_path_is_sound(const char *address, bool smtputf8)
{
    bool quoted = false;
    if (strlen(address) > SMTP_MAX_MAILBOX)
        return false;
    for (const char *p = address; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == 0x7F || (c >= 0x80 && !smtputf8))
            return false;
        if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            if (c == '\\' && *++p == '\0')
                return false;
        } else if (ends_path(c)) {
            return false;
        }
    }
    return !quoted;
}
