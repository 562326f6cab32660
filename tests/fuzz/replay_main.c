/* SPDX-License-Identifier: MIT */
/* A main for fuzz targets in normal builds: runs the empty input, then every file of the folders
 * named as arguments, in name order. A folder that does not exist holds no inputs. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    INPUT_MAX_SIZE = 16 << 20,
    PATH_SIZE = 4096
};

/* Each input is a heap block of its exact size, so that ASan sees one byte too far. */
static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return 1;
    }
    long size = ftell(file);
    if (size < 0 || size > INPUT_MAX_SIZE || fseek(file, 0, SEEK_SET) != 0) {
        (void)fprintf(stderr, "%s: not a file of at most %d bytes\n", path, INPUT_MAX_SIZE);
        (void)fclose(file);
        return 1;
    }
    uint8_t *data = malloc((size_t)size + (size == 0));
    int failed = data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size;
    if (failed)
        perror(path);
    else
        (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    (void)fclose(file);
    return failed;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run_folder(const char *folder, size_t *n_out)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, visible, alphasort);
    if (n < 0) {
        if (errno == ENOENT)
            return 0;
        perror(folder);
        return 1;
    }
    int failed = 0;
    for (int i = 0; i < n; i++) {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        failed |= run_file(path);
        *n_out += 1;
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    size_t n = 1;
    uint8_t *empty = calloc(1, 1);
    (void)LLVMFuzzerTestOneInput(empty, 0);
    free(empty);
    for (int i = 1; i < argc; i++)
        failed |= run_folder(argv[i], &n);
    (void)printf("%zu inputs\n", n);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
