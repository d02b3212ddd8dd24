/* Implements the hook's view of a store. */
#include "hook/store.h"

#include "hook/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_LENGTH = 16 };

/* --- paths
 * ------------------------------------------------------------------------------------------------
 */

static bool is_id(const char *text)
{
    return strlen(text) == ID_LENGTH && strspn(text, "0123456789abcdef") == ID_LENGTH;
}

/* Cuts the last component off `path` into `component_out`. FALSE where there is none left above the
 * root. */
static bool cut_component(char *path, char component_out[NAME_MAX + 1])
{
    char *slash = strrchr(path, '/');
    if (!slash || strlen(slash + 1) > NAME_MAX)
        return false;
    snprintf(component_out, NAME_MAX + 1, "%s", slash + 1);
    *slash = '\0';
    return true;
}

/* What a place below an area of the store is. The first fitting line counts; NULL fits everything.
 */
static StorePathKind kind_of(const char *area, const char *id, const char *place)
{
    static const struct {
        const char *area, *id, *place;
        bool needs_id;
        StorePathKind kind;
    } kinds[] = {
        {"machines", "probe", "now", false, STORE_PATH_PROBE},
        {"machines", NULL, "now", true, STORE_PATH_HEAD},
        {"layers", NULL, "sealed", true, STORE_PATH_LAYER},
        {"machines", NULL, NULL, true, STORE_PATH_INNER},
        {"layers", NULL, NULL, true, STORE_PATH_INNER},
        {"trash", NULL, NULL, true, STORE_PATH_INNER},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].area, area) == 0 && (!kinds[i].id || strcmp(kinds[i].id, id) == 0) &&
            (!kinds[i].place || strcmp(kinds[i].place, place) == 0) &&
            (!kinds[i].needs_id || is_id(id)))
            return kinds[i].kind;
    return STORE_PATH_FOREIGN;
}

static bool is_ours_alone(const char *path, mode_t type)
{
    struct stat status;
    return lstat(path, &status) == 0 && (status.st_mode & S_IFMT) == type &&
           (status.st_uid == 0 || status.st_uid == geteuid()) && (status.st_mode & 022) == 0;
}

static bool store_load(Store *store)
{
    char path[PATH_MAX + sizeof "/store.ini"];
    snprintf(path, sizeof path, "%s/store.ini", store->root);
    const IniField fields[] = {
        {"uuid", store->uuid, sizeof store->uuid},
        {"claims", store->claims, sizeof store->claims},
        {"hook-socket", store->socket, sizeof store->socket},
    };
    return is_ours_alone(store->root, S_IFDIR) && is_ours_alone(path, S_IFREG) &&
           ini_read(path, fields, 3) && store->uuid[0] != '\0' && store->claims[0] == '/' &&
           store->socket[0] == '/';
}

static bool store_exists(const char *root)
{
    char path[PATH_MAX + sizeof "/store.ini"];
    snprintf(path, sizeof path, "%s/store.ini", root);
    return access(path, F_OK) == 0;
}

void store_path_classify(const char *canonical, StorePath *path_out)
{
    char area[NAME_MAX + 1], place[NAME_MAX + 1];
    memset(path_out, 0, sizeof *path_out);
    char *root = path_out->store.root;
    snprintf(root, PATH_MAX, "%s", canonical);
    if (!cut_component(root, path_out->file) || !cut_component(root, place) ||
        !cut_component(root, path_out->id) || !cut_component(root, area))
        return;
    StorePathKind kind = kind_of(area, path_out->id, place);
    if (kind == STORE_PATH_FOREIGN || !store_exists(root))
        return;
    path_out->kind = store_load(&path_out->store) ? kind : STORE_PATH_BROKEN;
}

/* --- machines
 * --------------------------------------------------------------------------------------------- */

typedef struct {
    char text[2 * PATH_MAX];
} PathBuffer;

static const char *path_in(PathBuffer *buffer, const StoreMachine *machine, const char *name)
{
    snprintf(buffer->text, sizeof buffer->text, "%s/machines/%s/%s", machine->store.root,
             machine->id, name);
    return buffer->text;
}

bool store_machine_load(const Store *store, const char *id, StoreMachine *machine_out,
                        Verdict *verdict)
{
    PathBuffer buffer;
    machine_out->store = *store;
    snprintf(machine_out->id, sizeof machine_out->id, "%s", id);
    const IniField fields[] = {
        {"name", machine_out->name, sizeof machine_out->name},
        {"uuid", machine_out->uuid, sizeof machine_out->uuid},
    };
    if (ini_read(path_in(&buffer, machine_out, "machine.ini"), fields, 2) && machine_out->name[0] &&
        machine_out->uuid[0])
        return true;
    return refuse(verdict, "the store does not know machine %s; see 'underpin doctor'", id);
}

static uint64_t positive_number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool is_number = *text >= '0' && *text <= '9' && (*end == '\0' || *end == '\n') && errno == 0;
    return is_number ? value : 0;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* "GENERATION [STAMP [sole]]" and the line's end (ports/storage.h): a mark that says less is one of
 * memory that does not fit. */
static void read_mark(const char *path, MachineState *state_out)
{
    char text[64] = "", number[24] = "", word[8] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[strcspn(text, "\n")] = '\0';
    if (length <= 0 || *text == ' ' ||
        sscanf(text, "%23s %16s %7s", number, state_out->marked_stamp, word) < 1)
        return;
    state_out->marked_generation = positive_number(number);
    state_out->stamp_is_sole = strcmp(word, "sole") == 0;
}

void store_machine_state(const StoreMachine *machine, MachineState *state_out)
{
    PathBuffer buffer;
    char number[32];
    const IniField field = {"number", number, sizeof number};
    *state_out = (MachineState){
        .has_now = is_directory(path_in(&buffer, machine, "now")),
        .has_next = is_directory(path_in(&buffer, machine, "next")),
        .is_marked = access(path_in(&buffer, machine, "unsettled"), F_OK) == 0,
    };
    if (ini_read(path_in(&buffer, machine, "now/generation.ini"), &field, 1))
        state_out->now_generation = positive_number(number);
    read_mark(path_in(&buffer, machine, "unsettled"), state_out);
}

static bool sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return fine;
}

static bool write_mark(const char *path, const char *text)
{
    size_t length = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool fine = fd >= 0 && write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return fine;
}

bool store_machine_mark(const StoreMachine *machine, const char *stamp)
{
    PathBuffer buffer;
    MachineState state;
    char text[64];
    store_machine_state(machine, &state);
    if (state.is_marked && state.marked_generation == state.now_generation &&
        !state.stamp_is_sole && strcmp(state.marked_stamp, stamp) == 0)
        return true;
    snprintf(text, sizeof text, "%" PRIu64 "%s%s\n", state.now_generation, *stamp ? " " : "",
             stamp);
    return write_mark(path_in(&buffer, machine, "unsettled"), text) &&
           sync_directory(path_in(&buffer, machine, "."));
}

/* --- images
 * -----------------------------------------------------------------------------------------------
 */

bool image_has_backing(const char *path)
{
    struct {
        unsigned char magic[4];
        uint32_t version;
        uint64_t backing_offset;
    } header = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t length = fd >= 0 ? read(fd, &header, sizeof header) : -1;
    if (fd >= 0)
        close(fd);
    return length == (ssize_t)sizeof header && memcmp(header.magic, "QFI\xfb", 4) == 0 &&
           header.backing_offset != 0;
}
