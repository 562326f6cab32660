/* SPDX-License-Identifier: MIT */
/* Every fault that can strike anywhere, at every stage of a session: what the relay is blamed for
 * and what becomes of the recipients. Each pair is a transcript, run whole and split at every
 * octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/gw_buf.h"
#include "tests/lib/replay.h"

enum {
    MAX_TRANSCRIPT = 64 * 1024
};

/* What a stage is open to. */
enum {
    EVENTS = 1,    /* the connection fails */
    DEADLINE = 2,  /* nothing comes in time */
    BROKEN = 4,    /* octets that are no reply */
    REPLIES = 8,   /* replies that make no sense here */
    FAREWELL = 16, /* 421 */
    ALL = EVENTS | DEADLINE | BROKEN | REPLIES | FAREWELL
};

struct stage {
    const char *name;
    const char *before; /* a transcript up to the stage */
    const char *stage;  /* as smtp_stage_name() */
    const char *blame;
    const char *rcpts; /* what its recipients become, or NULL when there is no transaction */
    unsigned open_to;
};

#define MESSAGE "@ from a@b\n@ rcpt c@d\n@ rcpt e@f\n@ body x\n"
#define EHLO    "! connect\nS: 220 hi\nC: EHLO client.example\n"
#define TLS     "@ tls required\n" EHLO "S: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\n"
#define AUTH \
    "@ tls implicit\n@ auth ann secret\n" EHLO "S: 250-mx\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\n"
#define FLIGHT \
    MESSAGE "! ready PIPELINING\n! send\nC: MAIL FROM:<a@b>\nC: RCPT TO:<c@d>\nC: RCPT " \
            "TO:<e@f>\nC: DATA\n"
#define ONE_FLIGHT \
    "@ one-flight\n" MESSAGE "! ready PIPELINING CHUNKING\n! send\nC: MAIL FROM:<a@b>\nC: RCPT " \
    "TO:<c@d>\nC: RCPT TO:<e@f>\nC: BDAT 3 LAST\nC: x\n"
#define CHUNK \
    "@ from a@b\n@ rcpt c@d\n@ fill 1025\n! ready CHUNKING\n! send\nC: MAIL FROM:<a@b>\nS: 250\n" \
    "C: RCPT TO:<c@d>\nS: 250\nC: BDAT 64\nC> 64\n"
#define LOCKSTEP MESSAGE "! ready\n! send\nC: MAIL FROM:<a@b>\n"

static struct stage stages[] = {
    {"greeting", "! connect\n", "greeting", "sick", NULL, ALL},
    {"EHLO", EHLO, "EHLO", "sick", NULL, ALL},
    {"HELO", EHLO "S: 500\nC: HELO client.example\n", "EHLO", "sick", NULL, ALL},
    {"STARTTLS", TLS, "STARTTLS", "sick", NULL, ALL},
    {"handshake", TLS "S: 220 go\n= start-tls\n", "tls", "sick", NULL, EVENTS | DEADLINE},
    {"EHLO in TLS", TLS "S: 220 go\n! tls\nC: EHLO client.example\n", "EHLO", "sick", NULL, ALL},
    {"AUTH", AUTH, "AUTH", "sick", NULL, ALL},
    {"AUTH again", AUTH "S: 334\nC: YW5u\n", "AUTH", "sick", NULL, ALL},
    {"AUTH last", AUTH "S: 334\nC: YW5u\nS: 334\nC: c2VjcmV0\n", "AUTH", "sick", NULL, ALL},
    {"idle", "! ready\n", "idle", "quiet", NULL, EVENTS | BROKEN | REPLIES | FAREWELL},
    {"MAIL", FLIGHT, "MAIL", "sick", "failed", ALL},
    {"MAIL alone", LOCKSTEP, "MAIL", "sick", "failed", ALL},
    {"first RCPT", FLIGHT "S: 250\n", "RCPT", "sick", "failed", ALL},
    {"second RCPT", FLIGHT "S: 250\nS: 250\n", "RCPT", "sick", "failed", ALL},
    {"RCPT alone", LOCKSTEP "S: 250\nC: RCPT TO:<c@d>\n", "RCPT", "sick", "failed", ALL},
    {"DATA", FLIGHT "S: 250\nS: 250\nS: 250\n", "DATA", "sick", "failed",
     EVENTS | DEADLINE | BROKEN | FAREWELL},
    {"body",
     "@ manual-written\n@ from a@b\n@ rcpt c@d\n@ fill 5000\n! ready PIPELINING\n! send\n"
     "C: MAIL FROM:<a@b>\nC: RCPT TO:<c@d>\nC: DATA\nS: 250\nS: 250\nS: 354\nC> part\n",
     "body", "sick", "failed", ALL},
    {"dot", FLIGHT "S: 250\nS: 250\nS: 250\nS: 354\nC: x\nC: .\n", "dot", "sick", "uncertain", ALL},
    {"BDAT mid", CHUNK, "BDAT", "sick", "failed", ALL},
    {"BDAT LAST", ONE_FLIGHT "S: 250\nS: 250\nS: 250\n", "BDAT LAST", "sick", "uncertain", ALL},
    {"one flight MAIL", ONE_FLIGHT, "MAIL", "sick", "uncertain", ALL},
    {"one flight RCPT", ONE_FLIGHT "S: 250\n", "RCPT", "sick", "uncertain", ALL},
    {"drain", FLIGHT "S: 550\n", "MAIL", "quiet", NULL, ALL},
    {"RSET", LOCKSTEP "S: 550\nC: RSET\n", "RSET", "quiet", NULL, ALL},
    {"QUIT", "! ready\n! quit\nC: QUIT\n", "QUIT", "quiet", NULL, EVENTS | DEADLINE | BROKEN},
};

struct fault {
    const char *name;
    const char *lines;
    const char *reason;
    unsigned kind;
};

static const struct fault faults[] = {
    {"g1 reset", "! reset\n", "conn_reset", EVENTS},
    {"g2 closed", "! eof\n", "conn_closed", EVENTS},
    {"g2 closed in a reply", "S! 25\n! eof\n", "conn_closed", EVENTS | BROKEN},
    {"g3 silence", "! timeout\n", "timeout", DEADLINE},
    {"g4 drip", "! wait 1000\nS! 2\n! wait 1000\nS! 5\n! timeout\n", "timeout", DEADLINE | BROKEN},
    {"g5 endless lines", "S* 200 250-x\\r\\n\n", "reply_too_long", BROKEN},
    {"g5 line 128 is not the last", "S* 128 250-x\\r\\n\n", "reply_too_long", BROKEN},
    {"g6 endless line", "S! 250 x\nS* 100000 A\n", "reply_line_too_long", BROKEN},
    {"g6 endless line with CR", "S! 250-x\nS* 5000 A\\r\n", "reply_line_too_long", BROKEN},
    {"g7 words", "S: hello\n", "bad_reply", BROKEN},
    {"g7 HTTP", "S: HTTP/1.1 400 Bad Request\n", "bad_reply", BROKEN},
    {"g7 POP", "S: +OK\n", "bad_reply", BROKEN},
    {"g7 spaced code", "S: 2 5 0\n", "bad_reply", BROKEN},
    {"g7 empty line", "S! \\r\\n\n", "bad_reply", BROKEN},
    {"g7 short line", "S: 25\n", "bad_reply", BROKEN},
    {"g7 CR in code", "S! 250\\rx\\r\\n\n", "bad_reply", BROKEN},
    {"g7 tab behind the code", "S: 250\\x09ok\n", "bad_reply", BROKEN},
    {"g8 NUL for a code", "S! \\x00\\x00\\x00\n", "bad_reply", BROKEN},
    {"g8 8-bit for a code", "S: \\xff\\xfe\\xfd\n", "bad_reply", BROKEN},
    {"g9 codes differ", "S: 250-a\nS: 550 b\n", "bad_reply", BROKEN},
    {"g9 codes differ inside", "S: 250-a\nS: 251-b\nS: 250 c\n", "bad_reply", BROKEN},
    {"g10 half a reply", "S: 250-a\n! eof\n", "conn_closed", EVENTS | BROKEN},
    {"g11 1yz", "S: 150 ok\n", "bad_reply", BROKEN},
    {"g11 6yz", "S: 650 ok\n", "bad_reply", BROKEN},
    {"g11 zero", "S: 000 ok\n", "bad_reply", BROKEN},
    {"g11 four digits", "S: 2500 ok\n", "bad_reply", BROKEN},
    {"g12 3yz", "S: 354 go\n", "protocol_error", REPLIES},
    {"g14 421", "S: 421 4.3.2 bye\n", "relay_421", FAREWELL},
    {"g14 421 in lines", "S: 421-4.3.2 bye\nS: 421 4.3.2 bye\n", "relay_421", FAREWELL},
    {"g19 TLS ends", "! closed conn_closed close_notify\n", "conn_closed", EVENTS},
    {"g20 TLS breaks", "! closed tls_error bad record mac\n", "tls_error", EVENTS},
};

static void build(struct gw_buf *out, const struct stage *stage, const struct fault *fault)
{
    const char *rcpts = stage->rcpts;
    (void)gw_buf_printf(out, "%s%s= close %s %s %s\n", stage->before, fault->lines, stage->stage,
                        fault->reason, stage->blame);
    if (rcpts != NULL && strcmp(fault->reason, "relay_421") == 0)
        rcpts = "failed"; /* said in so many words, so never uncertain */
    if (rcpts != NULL)
        (void)gw_buf_printf(out, "= all %s %s %s\n= done\n", rcpts, stage->stage, fault->reason);
    assert_false(out->overflowed);
}

static void stage_survives_every_fault(void **state)
{
    const struct stage *stage = *state;
    struct gw_buf text;
    gw_buf_init(&text, MAX_TRANSCRIPT);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if ((faults[i].kind & stage->open_to) != faults[i].kind)
            continue;
        struct replay_result result;
        gw_buf_reset(&text);
        build(&text, stage, &faults[i]);
        if (!replay_run_all_splits(faults[i].name, gw_buf_view(&text), &result))
            fail_msg("stage %s: %s", stage->name, result.text);
    }
    gw_buf_deinit(&text);
}

int main(void)
{
    enum {
        N_STAGES = sizeof(stages) / sizeof(stages[0])
    };
    struct CMUnitTest tests[N_STAGES];
    for (size_t i = 0; i < N_STAGES; i++)
        tests[i] = (struct CMUnitTest){.name = stages[i].name,
                                       .test_func = stage_survives_every_fault,
                                       .initial_state = &stages[i]};
    return _cmocka_run_group_tests("faults", tests, N_STAGES, NULL, NULL);
}
