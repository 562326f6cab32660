/* SPDX-License-Identifier: MIT */
/* The generic faults at every stage. A script is the conversation up to the stage, the fault in
 * place of its reply, and, where the fault is one that a session survives, the rest of the
 * conversation. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/gw_check.h"
#include "tests/matrix/matrix.h"

/* --- The conversation, step by step --- */

enum step {
    CONNECT, /* nothing said yet */
    GREETING,
    EHLO,
    STARTTLS,
    HANDSHAKE,
    EHLO2,
    AUTH1,
    AUTH2,
    AUTH3,
    MAIL,
    RCPT1,
    RCPT2,
    DATA,
    BODY,
    DOT,
    QUIT,
    N_STEPS
};

struct line {
    const char *hear; /* script lines that take the client's part */
    const char *say;  /* the reply */
};

static const struct line lines[N_STEPS] = {
    [GREETING] = {"", "S: 220 hi\n"},
    [EHLO] = {"C: EHLO\n", NULL}, /* depends on mode and stage */
    [STARTTLS] = {"C: STARTTLS\n", "S: 220 go\n"},
    [HANDSHAKE] = {"", "TLS\n"},
    [EHLO2] = {"C: EHLO\n", NULL},
    [AUTH1] = {"C: AUTH LOGIN\n", "S: 334 VXNlcm5hbWU6\n"},
    [AUTH2] = {"C: YW5u\n", "S: 334 UGFzc3dvcmQ6\n"},
    [AUTH3] = {"C: c2VjcmV0\n", "S: 235 2.7.0 in\n"},
    [MAIL] = {"C: MAIL FROM:\n", "S: 250 2.1.0 ok\n"},
    [RCPT1] = {"C: RCPT TO:\n", "S: 250 2.1.5 ok\n"},
    [RCPT2] = {"C: RCPT TO:\n", "S: 250 2.1.5 ok\n"},
    [DATA] = {"C: DATA\n", "S: 354 go\n"},
    [BODY] = {"", ""},
    [DOT] = {"BODY\n", "S: 250 2.0.0 queued as 17\n"},
    [QUIT] = {"C: QUIT\n", "S: 221 bye\n"},
};

enum {
    PLAIN = 1,
    START = 2,
    TLS = 4,
    ANY_MODE = 7
};

/* A place where a fault strikes. */
struct stage {
    const char *name;
    unsigned modes;
    enum step at;      /* its reply is replaced */
    const char *shown; /* stage of the outcome */
    size_t timeout_at;
    unsigned flags;
    const char *caps;   /* reply to the last EHLO */
    const char *hear;   /* instead of lines[at].hear; NULL: that */
    const char *before; /* instead of all steps from MAIL to here; NULL: those */
    bool uncertain;
    bool verdict;       /* the result stands already; nothing that follows changes it */
    const char *stands; /* what it is */
    unsigned open_to;   /* kinds of faults */
};

#define T(field)   offsetof(struct smtp_timeouts, field)
#define PIPELINING "S: 250-me\nS: 250 PIPELINING\n"
#define LOCKSTEP   "S: 250 me\n"
#define CHUNKS     "S: 250-me\nS: 250 CHUNKING\n"
#define FLIGHT     "S: 250-me\nS: 250-PIPELINING\nS: 250 CHUNKING\n"
#define LOGIN      "S: 250-me\nS: 250 AUTH LOGIN\n"

enum {
    CLOSES = 1,     /* RST, FIN, half replies */
    SILENCE = 2,    /* stall, drip */
    BROKEN = 4,     /* what is no SMTP reply */
    WANTS_2 = 8,    /* expects 2yz: 354 makes no sense */
    WANTS_3 = 16,   /* expects 3yz: 250 makes no sense */
    CODES = 32,     /* 4yz and 5yz */
    FAREWELL = 64,  /* 421 */
    HARMLESS = 128, /* odd but valid */
    EXTRA = 256,    /* must be silent behind it */
    SECURE = 512,   /* faults of TLS: only once it is on */
    OURS = 1024,    /* cancel, shutdown */
    REPLIES = CLOSES | SILENCE | BROKEN | CODES | FAREWELL
};

/* A body that is on its way is read from, never answered, so only some faults make sense. */
static const struct stage stages[] = {
    {"greeting", ANY_MODE, GREETING, "greeting", T(greeting_ms), 0, PIPELINING, NULL, NULL, false,
     false, NULL, REPLIES | WANTS_2 | HARMLESS | EXTRA | OURS},
    {"EHLO", PLAIN | TLS, EHLO, "EHLO", T(ehlo_ms), 0, PIPELINING, NULL, NULL, false, false, NULL,
     REPLIES | WANTS_2 | HARMLESS | OURS},
    {"EHLO", START, EHLO, "EHLO", T(ehlo_ms), 0, PIPELINING, NULL, NULL, false, false, NULL,
     REPLIES | WANTS_2 | OURS},
    {"STARTTLS", START, STARTTLS, "STARTTLS", T(starttls_ms), 0, PIPELINING, NULL, NULL, false,
     false, NULL, REPLIES | WANTS_2 | OURS},
    {"handshake", START, HANDSHAKE, "tls", T(handshake_ms), 0, PIPELINING, NULL, NULL, false, false,
     NULL, CLOSES | SILENCE | OURS},
    {"EHLO2", START, EHLO2, "EHLO", T(ehlo_ms), 0, PIPELINING, NULL, NULL, false, false, NULL,
     REPLIES | WANTS_2 | HARMLESS | SECURE | OURS},
    {"AUTH1", ANY_MODE, AUTH1, "AUTH", T(auth_ms), MATRIX_AUTH_LOGIN, LOGIN, NULL, NULL, false,
     false, NULL, REPLIES | WANTS_3 | SECURE | OURS},
    {"AUTH2", ANY_MODE, AUTH3, "AUTH", T(auth_ms), MATRIX_AUTH_LOGIN, LOGIN, NULL, NULL, false,
     false, NULL, REPLIES | WANTS_2 | HARMLESS | SECURE | OURS},
    {"MAIL", ANY_MODE, MAIL, "MAIL", T(mail_ms), 0, PIPELINING, NULL, NULL, false, false, NULL,
     REPLIES | WANTS_2 | HARMLESS | SECURE | OURS},
    {"RCPT first", ANY_MODE, RCPT1, "RCPT", T(rcpt_ms), 0, PIPELINING, NULL, NULL, false, false,
     NULL, REPLIES | WANTS_2 | HARMLESS | SECURE | OURS},
    {"RCPT nth", ANY_MODE, RCPT2, "RCPT", T(rcpt_ms), 0, PIPELINING, NULL, NULL, false, false, NULL,
     REPLIES | WANTS_2 | HARMLESS | SECURE | OURS},
    {"MAIL lockstep", ANY_MODE, MAIL, "MAIL", T(mail_ms), 0, LOCKSTEP, NULL, NULL, false, false,
     NULL, REPLIES | WANTS_2 | HARMLESS | EXTRA | SECURE | OURS},
    {"RCPT lockstep", ANY_MODE, RCPT1, "RCPT", T(rcpt_ms), 0, LOCKSTEP, NULL, NULL, false, false,
     NULL, REPLIES | WANTS_2 | HARMLESS | EXTRA | SECURE | OURS},
    {"DATA cmd", ANY_MODE, DATA, "DATA", T(data_ms), 0, PIPELINING, NULL, NULL, false, false, NULL,
     REPLIES | WANTS_3 | HARMLESS | SECURE | OURS},
    {"body", ANY_MODE, BODY, "body", T(body_floor_ms), MATRIX_BIG, PIPELINING, "READ 100000\n",
     NULL, false, false, NULL,
     CLOSES | SILENCE | BROKEN | WANTS_2 | WANTS_3 | CODES | FAREWELL | OURS},
    {"dot", ANY_MODE, DOT, "dot", T(dot_ms), 0, PIPELINING, NULL, NULL, true, false, NULL,
     REPLIES | WANTS_2 | HARMLESS | SECURE | OURS},
    {"BDAT mid", ANY_MODE, DOT, "BDAT", T(body_floor_ms), MATRIX_BIG, CHUNKS,
     "C: BDAT 1048576\nREAD 1048576\n", "C: MAIL\nS: 250\nC: RCPT\nS: 250\nC: RCPT\nS: 250\n",
     false, false, NULL, REPLIES | WANTS_2 | SECURE},
    {"BDAT LAST", ANY_MODE, DOT, "BDAT LAST", T(dot_ms), 0, FLIGHT, "C: BDAT 36 LAST\nREAD 36\n",
     "C: MAIL\nC: RCPT\nC: RCPT\nS: 250\nS: 250\nS: 250\n", true, false, NULL,
     REPLIES | WANTS_2 | HARMLESS | SECURE | OURS},
    {"one flight MAIL", ANY_MODE, DOT, "MAIL", T(mail_ms), 0, FLIGHT, "C: BDAT 36 LAST\nREAD 36\n",
     "C: MAIL\nC: RCPT\nC: RCPT\n", true, false, NULL,
     CLOSES | SILENCE | BROKEN | WANTS_2 | FAREWELL},
    {"one flight RCPT", ANY_MODE, DOT, "RCPT", T(rcpt_ms), 0, FLIGHT, "C: BDAT 36 LAST\nREAD 36\n",
     "C: MAIL\nC: RCPT\nC: RCPT\nS: 250\n", true, false, NULL,
     CLOSES | SILENCE | BROKEN | WANTS_2 | FAREWELL},
    {"RSET", ANY_MODE, DOT, "MAIL", T(rset_ms), MATRIX_WAIT_CLOSED, LOCKSTEP, "C: RSET\n",
     "C: MAIL\nS: 550 5.7.1 not you\n", false, true, "rejected policy - MAIL 550 - well",
     REPLIES | WANTS_2 | SECURE},
    {"QUIT", ANY_MODE, QUIT, "dot", T(quit_ms), 0, PIPELINING, NULL, NULL, false, true,
     "sent - - dot 250 - well", REPLIES | WANTS_2 | SECURE},
};

/* --- The faults --- */

struct fault {
    const char *name;
    unsigned kind;
    const char *lines; /* in place of the reply; "%s": the reply's code and text */
    const char *category, *reason;
    unsigned modes;
    enum matrix_action action;
};

static const struct fault faults[] = {
    {"g1 RST", CLOSES, "RST\n", "network", "conn_reset", ANY_MODE, 0},
    {"g2 FIN", CLOSES, "FIN\n", "network", "conn_closed", ANY_MODE, 0},
    {"g2 FIN in a reply", CLOSES | BROKEN, "R: 25\nFIN\n", "network", "conn_closed", ANY_MODE, 0},
    {"g3 stall", SILENCE, "STALL\n", "network", "timeout", ANY_MODE, 0},
    {"g4 drip", SILENCE | BROKEN, "DRIP 250 x\n", "network", "timeout", ANY_MODE, 0},
    {"g5 endless reply", BROKEN, "FLOOD 140 250-x\\r\\n\nHANG\n", "protocol", "reply_too_long",
     ANY_MODE, 0},
    {"g6 endless line", BROKEN, "R: 250 \nFLOOD 140 xxxxxxxxxxxxxxxx\nHANG\n", "protocol",
     "reply_line_too_long", ANY_MODE, 0},
    {"g7 HTTP", BROKEN, "S: HTTP/1.1 400 Bad Request\nHANG\n", "protocol", "bad_reply", ANY_MODE,
     0},
    {"g7 words", BROKEN, "S: hello there\nHANG\n", "protocol", "bad_reply", ANY_MODE, 0},
    {"g8 octets in text", HARMLESS, "R: %c \\x00\\x1b[2J\\xff\\r\\n\n", NULL, NULL, ANY_MODE, 0},
    {"g9 codes differ", BROKEN, "S: 250-a\nS: 550 b\nHANG\n", "protocol", "bad_reply", ANY_MODE, 0},
    {"g10 half and FIN", CLOSES | BROKEN, "S: 250-a\nFIN\n", "network", "conn_closed", ANY_MODE, 0},
    {"g11 1yz", BROKEN, "S: 150 x\nHANG\n", "protocol", "bad_reply", ANY_MODE, 0},
    {"g11 6yz", BROKEN, "S: 650 x\nHANG\n", "protocol", "bad_reply", ANY_MODE, 0},
    {"g11 000", BROKEN, "S: 000 x\nHANG\n", "protocol", "bad_reply", ANY_MODE, 0},
    {"g11 2500", BROKEN, "S: 2500 x\nHANG\n", "protocol", "bad_reply", ANY_MODE, 0},
    {"g12 354", WANTS_2, "S: 354 go\nHANG\n", "protocol", "protocol_error", ANY_MODE, 0},
    {"g13 250", WANTS_3, "S: 250 ok\nHANG\n", "protocol", "protocol_error", ANY_MODE, 0},
    {"g14 421", FAREWELL, "S: 421 4.3.2 bye\nFIN\n", "rate", "relay_421", ANY_MODE, 0},
    {"g15 extra reply", EXTRA, "R: %c ok\\r\\n250 more\\r\\n\nHANG\n", "protocol", "protocol_error",
     ANY_MODE, 0},
    {"g16 bare LF", HARMLESS, "R: %c ok\\n\n", NULL, NULL, ANY_MODE, 0},
    {"g17 4yz", CODES, "S: 451 4.3.0 later\n", NULL, NULL, ANY_MODE, 0},
    {"g18 5yz", CODES, "S: 554 5.7.1 no\n", NULL, NULL, ANY_MODE, 0},
    {"g19 close_notify", SECURE, "TLSEND\nSTALL\n", "network", "conn_closed", START | TLS, 0},
    {"g19 cut", SECURE, "CUT\n", "network", "conn_closed", START | TLS, 0},
    {"g20 corrupt record", SECURE,
     "RAW \\x17\\x03\\x03\\x00\\x20AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nHANG\n", "tls", "tls_error",
     START | TLS, 0},
    {"g23 shutdown", OURS, "WAIT\nHANG\n", "other", "shutdown", ANY_MODE, MATRIX_SHUTDOWN},
    {"g24 cancel", OURS, "WAIT\n", NULL, NULL, ANY_MODE, MATRIX_CANCEL},
};

/* What 4yz and 5yz mean: RCPT and what is behind it is a verdict on the message, all before is the
 * relay's trouble. "@" stands for what the other recipient gets. */
static const struct {
    const char *stage;
    const char *want4, *want5;
} codes[] = {
    {"greeting", "deferred policy relay_refused greeting 451 next sick",
     "deferred policy relay_refused greeting 554 next sick"},
    {"EHLO", "deferred policy relay_refused EHLO 451 next sick",
     "deferred policy relay_refused EHLO 554 next sick"},
    {"EHLO2", "deferred policy relay_refused EHLO 451 next sick",
     "deferred policy relay_refused EHLO 554 next sick"},
    {"STARTTLS", "deferred tls starttls_refused STARTTLS 451 next sick",
     "deferred tls starttls_refused STARTTLS 554 next sick"},
    {"AUTH1", "deferred auth auth_temporary AUTH 451 next sick",
     "deferred auth auth_failed AUTH 554 next open"},
    {"AUTH2", "deferred auth auth_temporary AUTH 451 next sick",
     "deferred auth auth_failed AUTH 554 next open"},
    {"MAIL", "deferred other - MAIL 451 - well", "rejected policy - MAIL 554 - well"},
    {"MAIL lockstep", "deferred other - MAIL 451 - well", "rejected policy - MAIL 554 - well"},
    {"RCPT first", "deferred other - RCPT 451 - well", "rejected policy - RCPT 554 - well"},
    {"RCPT nth", "deferred other - RCPT 451 - well", "rejected policy - RCPT 554 - well"},
    {"RCPT lockstep", "deferred other - RCPT 451 - well", "rejected policy - RCPT 554 - well"},
    {"DATA cmd", "deferred other - DATA 451 - well", "rejected policy - DATA 554 - well"},
    {"body", "deferred other - body 451 - well", "rejected policy - body 554 - well"},
    {"dot", "deferred other - dot 451 - well", "rejected policy - dot 554 - well"},
    {"BDAT mid", "deferred other - BDAT 451 - well", "rejected policy - BDAT 554 - well"},
    {"BDAT LAST", "deferred other - BDAT LAST 451 - well",
     "rejected policy - BDAT LAST 554 - well"},
};

/* --- Building --- */

static bool is_off(enum step step, enum matrix_mode mode, const struct stage *stage)
{
    bool tls_step = step == STARTTLS || step == HANDSHAKE || step == EHLO2;
    bool auth_step = step == AUTH1 || step == AUTH2 || step == AUTH3;
    return (tls_step && mode != MATRIX_STARTTLS) ||
           (auth_step && (stage->flags & MATRIX_AUTH_LOGIN) == 0) || step == CONNECT;
}

static const char *reply_at(enum step step, enum matrix_mode mode, const struct stage *stage)
{
    if (step == EHLO)
        return mode == MATRIX_STARTTLS ? "S: 250-me\nS: 250 STARTTLS\n" : stage->caps;
    return step == EHLO2 ? stage->caps : lines[step].say;
}

/* The steps [from, to) in their ordinary way. */
static void add_steps(struct gw_buf *out, enum matrix_mode mode, const struct stage *stage,
                      enum step from, enum step to)
{
    for (enum step i = from; i < to; i++) {
        if (!is_off(i, mode, stage))
            (void)gw_buf_printf(out, "%s%s", lines[i].hear, reply_at(i, mode, stage));
    }
}

/* The fault's lines, with the code of the reply they stand for. */
static void add_fault(struct gw_buf *out, const struct fault *fault, const char *reply)
{
    const char *at = strstr(fault->lines, "%c");
    const char *last = strrchr(reply, ':'); /* of the last line of the reply */
    if (at == NULL)
        (void)gw_buf_add_str(out, fault->lines);
    else
        (void)gw_buf_printf(out, "%.*s%.3s%s", (int)(at - fault->lines), fault->lines, last + 2,
                            at + 2);
}

/* A session that goes on after 4yz or 5yz at @stage says this. */
static void add_rest(struct gw_buf *out, const struct stage *stage, enum matrix_mode mode,
                     const struct fault *fault)
{
    bool refused = (fault->kind & CODES) != 0;
    if (refused && (stage->at == MAIL || stage->at < MAIL || stage->at >= DATA)) {
        (void)gw_buf_add_str(out, "HANG\n"); /* nothing of interest follows */
        return;
    }
    if (fault->action == MATRIX_CANCEL && stage->before != NULL) {
        (void)gw_buf_add_str(out, "S: 250 2.0.0 late\n");
    } else if (fault->action == MATRIX_CANCEL) {
        (void)gw_buf_add_str(out, reply_at(stage->at, mode, stage));
    }
    if (stage->before == NULL && stage->at < QUIT)
        add_steps(out, mode, stage, stage->at + 1, QUIT);
    (void)gw_buf_add_str(out, "HANG\n");
}

/* --- Expectations --- */

static const char *code_of(const struct stage *stage, bool five)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(codes[i].stage, stage->name) == 0)
            return five ? codes[i].want5 : codes[i].want4;
    }
    return NULL;
}

static const char *sent_by(const struct stage *stage)
{
    return strcmp(stage->name, "BDAT LAST") == 0 ? "sent - - BDAT LAST 250 - well"
                                                 : "sent - - dot 250 - well";
}

static void want_canceled(struct matrix_case *c, const struct stage *stage)
{
    for (size_t i = 0; i < MATRIX_RCPTS; i++) {
        if (stage->uncertain)
            (void)snprintf(c->want[i], MATRIX_WANT, "%s", sent_by(stage));
        else if (stage->at < MAIL)
            (void)snprintf(c->want[i], MATRIX_WANT, "canceled - canceled connect 0 - well");
        else
            (void)snprintf(c->want[i], MATRIX_WANT, "canceled - canceled %s 0 - well",
                           stage->shown);
    }
}

static void want_codes(struct matrix_case *c, const struct stage *stage, bool five)
{
    const char *one = code_of(stage, five);
    CHECK(one != NULL);
    for (size_t i = 0; i < MATRIX_RCPTS; i++)
        (void)snprintf(c->want[i], MATRIX_WANT, "%s", one);
    if (stage->at == RCPT1 || stage->at == RCPT2)
        (void)snprintf(c->want[stage->at == RCPT1 ? 1 : 0], MATRIX_WANT, "%s", sent_by(stage));
}

/* A fault that ends the connection. */
static void want_loss(struct matrix_case *c, const struct stage *stage, const struct fault *fault)
{
    bool farewell = (fault->kind & FAREWELL) != 0;
    bool uncertain = stage->uncertain && !farewell;
    bool ours = fault->action == MATRIX_SHUTDOWN;
    const char *next = uncertain ? "same uncertain" : ours ? "-" : "next";
    const char *shown = ours && stage->at < MAIL ? "connect" : stage->shown;
    int code = 0;
    if (farewell)
        code = 421;
    else if (stage->at != BODY) /* where no reply is due, none is looked at */
        code = fault->kind == WANTS_2 ? 354 : fault->kind == WANTS_3 ? 250 : 0;
    if (fault->kind == EXTRA) /* seen before the next command goes out */
        shown = stage->at == GREETING ? "EHLO" : "RCPT";
    /* What we broke off ourselves is nobody's fault: it is due again at once. */
    bool again = ours && !uncertain;
    for (size_t i = 0; i < MATRIX_RCPTS; i++)
        (void)snprintf(c->want[i], MATRIX_WANT, "%s %s %s %s %d %s %s",
                       again ? "queued" : "deferred", again ? "-" : fault->category, fault->reason,
                       shown, code, next, ours ? "well" : "sick");
}

static void expect(struct matrix_case *c, const struct stage *stage, const struct fault *fault)
{
    if (stage->verdict) {
        for (size_t i = 0; i < MATRIX_RCPTS; i++)
            (void)snprintf(c->want[i], MATRIX_WANT, "%s", stage->stands);
    } else if ((fault->kind & CODES) != 0) {
        want_codes(c, stage, strstr(fault->lines, "554") != NULL);
    } else if (fault->action == MATRIX_CANCEL) {
        want_canceled(c, stage);
    } else if ((fault->kind & HARMLESS) != 0) {
        for (size_t i = 0; i < MATRIX_RCPTS; i++)
            (void)snprintf(c->want[i], MATRIX_WANT, "%s", sent_by(stage));
    } else {
        want_loss(c, stage, fault);
    }
}

static void add_case(struct matrix *m, const struct stage *stage, const struct fault *fault,
                     enum matrix_mode mode)
{
    static const char *const modes[] = {"plain", "STARTTLS", "TLS"};
    struct matrix_case *c = matrix_add(m);
    (void)snprintf(c->name, sizeof(c->name), "%s | %s | %s", fault->name, stage->name, modes[mode]);
    c->mode = mode;
    c->flags = stage->flags;
    c->action = stage->at == QUIT ? MATRIX_CLOSE_WHEN_DONE : fault->action;
    c->timeout_at = (fault->kind & SILENCE) != 0 ? stage->timeout_at : SIZE_MAX;
    if (mode != MATRIX_PLAIN)
        c->flags |= MATRIX_NO_PLAIN_SECRETS;
    if (mode == MATRIX_TLS)
        (void)gw_buf_add_str(&c->script, "TLS\n");
    enum step until = stage->before != NULL ? MAIL : stage->at;
    add_steps(&c->script, mode, stage, GREETING, until);
    if (stage->before != NULL)
        (void)gw_buf_add_str(&c->script, stage->before);
    (void)gw_buf_add_str(&c->script, stage->hear != NULL ? stage->hear : lines[stage->at].hear);
    const char *reply = stage->hear != NULL ? "S: 250 ok\n" : reply_at(stage->at, mode, stage);
    if (fault->kind == CLOSES && stage->at == GREETING)
        (void)gw_buf_add_str(&c->script,
                             "WAIT\n"); /* until the client knows that it is connected */
    add_fault(&c->script, fault, reply);
    add_rest(&c->script, stage, mode, fault);
    expect(c, stage, fault);
}

static bool strikes(const struct fault *fault, const struct stage *stage, enum matrix_mode mode)
{
    unsigned bit = 1U << mode;
    return (fault->kind & stage->open_to) == fault->kind && (stage->modes & bit) != 0 &&
           (fault->modes & bit) != 0;
}

void matrix_add_generic(struct matrix *m)
{
    for (size_t s = 0; s < sizeof(stages) / sizeof(stages[0]); s++)
        for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++)
            for (int mode = 0; mode < MATRIX_N_MODES; mode++)
                if (strikes(&faults[f], &stages[s], (enum matrix_mode)mode))
                    add_case(m, &stages[s], &faults[f], (enum matrix_mode)mode);
}
