/* `underpin`: the command line. */
#include "cli/cli.h"

int main(int argc G_GNUC_UNUSED, char **argv)
{
    return cli_run((const char *const *)argv, clock_of_host());
}
