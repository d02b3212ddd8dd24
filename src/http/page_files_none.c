/* The table of the page's files in a daemon that is built without the page (meson -Dpage=false). */
#include "http/page_files.h"

const PageFile page_files[] = {};
const gsize page_file_count = 0;
const char page_blob[] = "";
