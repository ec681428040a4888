// Imports the tiles of an image of a project; a further run replaces them, and leaves other objects alone.
//
//   QuPath script --project=PROJECT.qpproj --save --args=FOLDER FOLDER/import_tiles.groovy
//
// In the script editor: name the folder of the .geojson files below, then Run > Run for project.
import groovy.json.JsonSlurper
import qupath.lib.io.PathIO

def folder = new File(binding.hasVariable("args") && args ? args[0] : "FOLDER")
def slides = new JsonSlurper().parse(new File(folder, "slides.json"), "UTF-8")
def paths = getCurrentServer().getURIs().collect { it.getPath() ?: it.toString() }
def names = paths.collect { new File(it).getName() }

// Of slides that have moved since, the name of the file must do.
def found = slides.findAll { it.image in paths } ?: slides.findAll { new File(it.image).getName() in names }
if (found.size() != 1) {
    println "${names}: ${found.size()} slides of this name in slides.json, nothing imported"
    return
}
def tiles = PathIO.readObjects(new File(folder, found[0].file).toPath())
def ids = tiles.collect { it.getID() } as Set
removeObjects(getTileObjects().findAll { it.getID() in ids }, true)
addObjects(tiles)
println "${names}: ${tiles.size()} tiles"
