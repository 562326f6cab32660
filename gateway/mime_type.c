/* SPDX-License-Identifier: MIT */
/* Content types: those of users, checked, and those of file names.
 *
 * Spec: RFC 2045 sec. 5.1 (grammar), RFC 6838 sec. 4.2 (names). The table of extensions is ours;
 * why is in docs/decisions/010-content-types.md. */
#include <stdlib.h>
#include <string.h>

#include "gateway/mime_internal.h"

enum {
    MAX_EXTENSION = 8,
    MAX_TYPE_NAME = 127, /* RFC 6838 sec. 4.2 */
    MAX_CANONICAL = 2 * GW_MIME_MAX_CONTENT_TYPE
};

static const char unknown_type[] = "application/octet-stream";

struct extension {
    char name[MAX_EXTENSION];
    const char *type;
};

/* Sorted by name. Nothing maps to message/ or multipart/: those may not be base64. */
static const struct extension extensions[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apk", "application/vnd.android.package-archive"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"heic", "image/heic"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"md", "text/markdown"},
    {"mjs", "text/javascript"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/opus"},
    {"otf", "font/otf"},
    {"p7m", "application/pkcs7-mime"},
    {"p7s", "application/pkcs7-signature"},
    {"pdf", "application/pdf"},
    {"pgp", "application/pgp-encrypted"},
    {"pkpass", "application/vnd.apple.pkpass"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"rar", "application/vnd.rar"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain"},
    {"vcf", "text/vcard"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
};

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

static int compare(const void *a, const void *b)
{
    const struct extension *x = a;
    const struct extension *y = b;
    return strcmp(x->name, y->name);
}

const char *gw_mime_type_of(const char *filename)
{
    const char *dot = filename != NULL ? strrchr(filename, '.') : NULL;
    if (dot == NULL || dot == filename || strlen(dot + 1) >= MAX_EXTENSION)
        return unknown_type;
    struct extension key = {.type = NULL};
    for (size_t i = 0; dot[i + 1] != '\0'; i++)
        key.name[i] = lower(dot[i + 1]);
    const struct extension *found =
        bsearch(&key, extensions, sizeof(extensions) / sizeof(extensions[0]), sizeof(extensions[0]),
                compare);
    return found != NULL ? found->type : unknown_type;
}

/* RFC 2045 sec. 5.1 token. */
static bool is_token_char(char c)
{
    return c > 0x20 && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct gw_slice take_token(struct gw_slice *in)
{
    size_t n = 0;
    while (n < in->len && is_token_char(in->data[n]))
        n++;
    struct gw_slice token = gw_slice_of(in->data, n);
    in->data += n;
    in->len -= n;
    return token;
}

static bool take(struct gw_slice *in, char c)
{
    if (in->len == 0 || in->data[0] != c)
        return false;
    in->data++;
    in->len--;
    return true;
}

static void skip_spaces(struct gw_slice *in)
{
    while (take(in, ' ')) {
    }
}

static bool is_printable(struct gw_slice s, size_t at)
{
    return at < s.len && s.data[at] >= 0x20 && s.data[at] <= 0x7e;
}

/* A quoted-string with its quotes; len 0 when it is none, or not printable ASCII. */
static struct gw_slice take_quoted(struct gw_slice *in)
{
    size_t i = 1;
    while (is_printable(*in, i) && in->data[i] != '"') {
        i += in->data[i] == '\\' ? 1 : 0;
        if (!is_printable(*in, i))
            return gw_slice_of(in->data, 0);
        i++;
    }
    if (!is_printable(*in, i))
        return gw_slice_of(in->data, 0);
    struct gw_slice quoted = gw_slice_of(in->data, i + 1);
    in->data += i + 1;
    in->len -= i + 1;
    return quoted;
}

static void add_lower(struct gw_buf *out, struct gw_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        (void)gw_buf_add_char(out, lower(s.data[i]));
}

/* False when @name is there already: which of two counts would be up to the reader. */
static bool add_param(struct gw_buf *out, struct gw_slice name, struct gw_slice value)
{
    size_t before = out->len;
    (void)gw_buf_add_str(out, "; ");
    add_lower(out, name);
    (void)gw_buf_add_char(out, '=');
    if (memmem(out->data, before, out->data + before, out->len - before) != NULL)
        return false;
    (void)gw_buf_add_slice(out, value);
    return true;
}

/* `; name=value`, from behind the ";". NULL, or what is wrong. */
static const char *parse_param(struct gw_slice *in, struct gw_buf *out)
{
    skip_spaces(in);
    struct gw_slice name = take_token(in);
    if (name.len == 0 || !take(in, '='))
        return "a parameter is not of the form name=value";
    if (gw_slice_eq_nocase(name, GW_SLICE_LIT("boundary")))
        return "parameter boundary is not accepted";
    /* the file name has a field of its own; two that differ are a trick */
    bool is_name = gw_slice_eq_nocase(name, GW_SLICE_LIT("name")) ||
                   (name.len >= 5 && strncasecmp(name.data, "name*", 5) == 0);
    if (!is_name && memchr(name.data, '*', name.len) != NULL)
        return "a parameter in the extended form of RFC 2231 is not accepted";
    bool quoted = in->len != 0 && in->data[0] == '"';
    struct gw_slice value = quoted ? take_quoted(in) : take_token(in);
    if (value.len == 0)
        return quoted ? "a quoted parameter value is not closed or not ASCII"
                      : "a parameter has no value";
    if (value.len >= 2 && memmem(value.data, value.len, "=?", 2) != NULL)
        return "a parameter value looks like an encoded-word";
    if (!is_name && !add_param(out, name, value))
        return "a parameter stands twice";
    skip_spaces(in);
    return NULL;
}

static const char *parse_type(struct gw_slice *in, struct gw_buf *out)
{
    skip_spaces(in);
    struct gw_slice type = take_token(in);
    if (type.len == 0 || !take(in, '/'))
        return "is not of the form type/subtype";
    struct gw_slice subtype = take_token(in);
    if (subtype.len == 0 || type.len > MAX_TYPE_NAME || subtype.len > MAX_TYPE_NAME)
        return "is not of the form type/subtype";
    if (gw_slice_eq_nocase(type, GW_SLICE_LIT("multipart")) ||
        gw_slice_eq_nocase(type, GW_SLICE_LIT("message")))
        return "multipart/ and message/ types are not accepted for an attachment";
    add_lower(out, type);
    (void)gw_buf_add_char(out, '/');
    add_lower(out, subtype);
    skip_spaces(in);
    return NULL;
}

enum gw_status gw_mime_content_type_parse(struct gw_arena *arena, struct gw_slice in,
                                          const char **out, struct gw_err *err)
{
    *out = NULL;
    if (in.len > GW_MIME_MAX_CONTENT_TYPE)
        return gw_err_set(err, GW_INVALID, "content type is over %d octets",
                          GW_MIME_MAX_CONTENT_TYPE);
    struct gw_buf text;
    gw_buf_init(&text, MAX_CANONICAL);
    const char *fault = parse_type(&in, &text);
    while (fault == NULL && in.len != 0)
        fault = take(&in, ';') ? parse_param(&in, &text) : "holds a character that is not allowed";
    if (fault == NULL)
        *out = gw_arena_cstr(arena, gw_buf_view(&text));
    gw_buf_deinit(&text);
    return fault == NULL ? GW_OK : gw_err_set(err, GW_INVALID, "content type: %s", fault);
}
