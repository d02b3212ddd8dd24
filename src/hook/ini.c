/* Implements the INI reader. */
#include "hook/ini.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* machine.ini keeps the XML of an imported domain. */
enum { FILE_LIMIT = 4 * 1024 * 1024 };

static bool read_text(const char *path, char text_out[FILE_LIMIT + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    struct stat status;
    size_t length = 0;
    ssize_t got = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? 1 : -1;
    while (got > 0 && length <= FILE_LIMIT - 1) {
        got = read(fd, text_out + length, FILE_LIMIT - length);
        length += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    text_out[length] = '\0';
    return got == 0 && strlen(text_out) == length;
}

/* GKeyFile escapes a leading space, tabs, line ends and backslashes. */
static char unescaped(char c)
{
    static const char names[] = "sntr", values[] = " \n\t\r";
    const char *found = strchr(names, c);
    return found ? values[found - names] : c;
}

static bool copy_value(const char *from, size_t length, const IniField *field)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        bool is_escape = from[i] == '\\' && i + 1 < length;
        if (used + 1 >= field->size)
            return false;
        field->value[used++] = is_escape ? unescaped(from[++i]) : from[i];
    }
    field->value[used] = '\0';
    return true;
}

static bool take_line(const char *line, size_t length, const IniField *field)
{
    static const char space[] = " \t\r";
    const char *equals = memchr(line, '=', length);
    if (!equals || field->value[0] != '\0')
        return true;
    size_t key_length = (size_t)(equals - line);
    while (key_length > 0 && strchr(space, line[key_length - 1]))
        key_length--;
    if (key_length != strlen(field->key) || memcmp(line, field->key, key_length) != 0)
        return true;
    const char *from = equals + 1, *end = line + length;
    while (from < end && strchr(space, *from))
        from++;
    while (end > from && strchr(space, end[-1]))
        end--;
    return copy_value(from, (size_t)(end - from), field);
}

bool ini_read(const char *path, const IniField *fields, size_t count)
{
    static char text[FILE_LIMIT + 1];
    for (size_t i = 0; i < count; i++)
        fields[i].value[0] = '\0';
    if (!read_text(path, text))
        return false;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        for (size_t i = 0; i < count; i++)
            if (!take_line(line, length, &fields[i]))
                return false;
        line += length + (line[length] == '\n');
    }
    return true;
}
